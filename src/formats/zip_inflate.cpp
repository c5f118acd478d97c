#include "formats/zip_inflate.h"

#include <algorithm>

#include "wquant/error.h"

namespace wquant {
namespace {

/// The library counts in unsigned int.
constexpr std::size_t kMost = std::size_t{1} << 30;

}  // namespace

Inflater::Inflater(std::span<const std::byte> in) : in_(in) {
  if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw Error("out of memory");
}

Inflater::~Inflater() { inflateEnd(&stream_); }

std::size_t Inflater::fill(std::span<std::byte> out) {
  std::size_t filled = 0;
  while (!ended_) {
    const std::size_t given = std::min(in_.size() - used_, kMost);
    const std::size_t room = std::min(out.size() - filled, kMost);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in_.data() + used_));
    stream_.avail_in = static_cast<uInt>(given);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    stream_.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    const std::size_t taken = given - stream_.avail_in;
    const std::size_t made = room - stream_.avail_out;
    used_ += taken;
    filled += made;
    ended_ = code == Z_STREAM_END;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      throw Error("its compressed data are damaged", "get it again");
    }
    if (taken == 0 && made == 0) break;
  }
  return filled;
}

}  // namespace wquant
