#include "formats/packed_text.h"

#include <libdeflate.h>

#include <memory>
#include <span>
#include <vector>

#include "formats/base64.h"
#include "formats/zip_inflate.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr int kBestLevel = 12;
/// Bytes that are unpacked at a time.
constexpr std::size_t kPiece = std::size_t{1} << 16;

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};

}  // namespace

std::string pack_text(std::string_view text) {
  const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
      libdeflate_alloc_compressor(kBestLevel));
  if (compressor == nullptr) throw Error("out of memory");
  std::vector<std::byte> bytes(libdeflate_deflate_compress_bound(compressor.get(), text.size()));
  bytes.resize(libdeflate_deflate_compress(compressor.get(), text.data(), text.size(), bytes.data(),
                                           bytes.size()));
  return to_base64(bytes);
}

std::string unpack_text(std::string_view packed, std::uint64_t most) {
  const std::vector<std::byte> bytes = from_base64(packed);
  Inflater inflater(bytes);
  std::string text;
  std::vector<std::byte> piece(kPiece);
  while (!inflater.ended()) {
    const std::size_t filled = inflater.fill(piece);
    text.append(reinterpret_cast<const char*>(piece.data()), filled);
    if (text.size() > most) throw Error("packed text is too long");
    if (filled < piece.size() && !inflater.ended()) throw Error("packed text is cut off");
  }
  if (inflater.used() != bytes.size()) throw Error("bytes follow packed text");
  return text;
}

std::uint64_t most_packed_bytes(std::uint64_t bytes) {
  // What does not get shorter is stored in blocks with heads of 5 bytes.
  constexpr std::uint64_t kBlock = 5000, kHead = 5;
  return base64_size(bytes + kHead * (bytes / kBlock + 2));
}

}  // namespace wquant
