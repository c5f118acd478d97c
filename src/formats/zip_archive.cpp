#include "formats/zip_archive.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "formats/zip_directory.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Bytes of a member that are mapped at a time while its CRC is computed.
constexpr std::uint64_t kCrcBytes = std::uint64_t{16} << 20;

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* decompressor) const {
    libdeflate_free_decompressor(decompressor);
  }
};
using Decompressor = std::unique_ptr<libdeflate_decompressor, FreeDecompressor>;

[[noreturn]] void throw_damaged() {
  throw Error("its compressed data are damaged", "get it again");
}

/// Unpacks exactly out.size() bytes from all of `in`.
void inflate_all(std::span<const std::byte> in, std::span<std::byte> out) {
  const Decompressor decompressor(libdeflate_alloc_decompressor());
  if (!decompressor) throw Error("out of memory");
  std::byte none = {};
  std::size_t used = 0;
  const libdeflate_result result = libdeflate_deflate_decompress_ex(
      decompressor.get(), in.data(), in.size(), out.empty() ? &none : out.data(), out.size(), &used,
      nullptr);
  if (result == LIBDEFLATE_SHORT_OUTPUT || result == LIBDEFLATE_INSUFFICIENT_SPACE) {
    throw Error(fmt::format("unpacks to {} bytes than the {} that the archive claims",
                            result == LIBDEFLATE_SHORT_OUTPUT ? "fewer" : "more", out.size()));
  }
  if (result != LIBDEFLATE_SUCCESS || used != in.size()) throw_damaged();
}

/// Unpacks only the front, which libdeflate cannot. Returns how many bytes of `out` were filled.
std::size_t inflate_front(std::span<const std::byte> in, std::span<std::byte> out) {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // zlib counts in unsigned int.
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error("out of memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
  stream.avail_in = static_cast<uInt>(std::min(in.size(), kMost));
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = inflate(&stream, Z_SYNC_FLUSH);
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) throw_damaged();
  return out.size() - stream.avail_out;
}

}  // namespace

ZipArchive::ZipArchive(const std::filesystem::path& path)
    : file_(path),
      members_(read_zip_directory(file_.bytes())),
      unpacked_(std::make_unique<Unpacked[]>(members_.size())) {}

ZipArchive::~ZipArchive() = default;

std::vector<std::byte> ZipArchive::head(std::size_t index, std::size_t limit) const {
  const ZipMember& member = members_[index];
  std::vector<std::byte> out(std::min<std::uint64_t>(limit, member.size));
  if (out.empty()) return out;
  if (!member.deflated) {
    std::memcpy(out.data(), stored_bytes(member).data(), out.size());
    return out;
  }
  try {
    out.resize(inflate_front(stored_bytes(member), out));
  } catch (Error& error) {
    error.at_tensor(member.name);
    throw;
  }
  return out;
}

std::span<const std::byte> ZipArchive::contents(std::size_t index) const {
  const ZipMember& member = members_[index];
  Unpacked& unpacked = unpacked_[index];
  try {
    // After an exception the next caller tries again.
    std::call_once(unpacked.once, [&] { unpack(member, unpacked); });
  } catch (Error& error) {
    error.at_tensor(member.name);
    throw;
  }
  if (!member.deflated) return stored_bytes(member);
  return std::as_const(*unpacked.spool).bytes();
}

void ZipArchive::release(std::size_t index, std::uint64_t first, std::uint64_t size) const {
  release(members_[index], unpacked_[index], first, size);
}

void ZipArchive::release(const ZipMember& member, const Unpacked& unpacked, std::uint64_t first,
                         std::uint64_t size) const {
  if (!member.deflated) {
    file_.release(member.begin + first, size);
  } else if (unpacked.spool) {
    unpacked.spool->release(first, size);
  }
}

std::span<const std::byte> ZipArchive::stored_bytes(const ZipMember& member) const {
  return file_.bytes().subspan(member.begin, member.stored_size);
}

void ZipArchive::unpack(const ZipMember& member, Unpacked& unpacked) const {
  if (member.deflated) {
    unpacked.spool = std::make_unique<SpoolFile>(member.size);
    inflate_all(stored_bytes(member), unpacked.spool->bytes());
    file_.release(member.begin, member.stored_size);
  }
  check_crc(member, unpacked);
}

void ZipArchive::check_crc(const ZipMember& member, const Unpacked& unpacked) const {
  const std::span<const std::byte> bytes =
      member.deflated ? std::as_const(*unpacked.spool).bytes() : stored_bytes(member);
  std::uint32_t crc = 0;
  for (std::uint64_t first = 0; first < bytes.size(); first += kCrcBytes) {
    const std::uint64_t size = std::min<std::uint64_t>(kCrcBytes, bytes.size() - first);
    crc = libdeflate_crc32(crc, bytes.data() + first, size);
    if (bytes.size() > kCrcBytes) release(member, unpacked, first, size);
  }
  if (crc != member.crc) {
    throw Error(fmt::format("its CRC-32 is {:08x} but should be {:08x}", crc, member.crc),
                "the file is damaged: get it again");
  }
}

bool is_zip(std::string_view head) {
  return head.starts_with("PK\x03\x04") || head.starts_with("PK\x05\x06");
}

}  // namespace wquant
