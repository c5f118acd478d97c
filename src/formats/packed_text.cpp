#include "formats/packed_text.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "formats/zip_inflate.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr int kBestLevel = 12;
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kFill = '=';
constexpr int kDigitBits = 6, kByteBits = 8;
constexpr std::size_t kGroupBytes = 3, kGroupDigits = 4;
/// Bytes that are unpacked at a time.
constexpr std::size_t kPiece = std::size_t{1} << 16;

std::string to_base64(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += kGroupBytes) {
    const std::size_t count = std::min(kGroupBytes, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < kGroupBytes; ++k) {
      group = group << kByteBits | (k < count ? bytes[i + k] : 0U);
    }
    for (std::size_t k = 0; k < kGroupDigits; ++k) {
      const std::uint32_t digit =
          group >> kDigitBits * (kGroupDigits - 1 - k) & (kDigits.size() - 1);
      text += k <= count ? kDigits[digit] : kFill;
    }
  }
  return text;
}

[[noreturn]] void fail_base64() { throw Error("packed text is not base64", "get it again"); }

std::vector<std::byte> from_base64(std::string_view text) {
  if (text.size() % kGroupDigits != 0) fail_base64();
  while (text.ends_with(kFill)) text.remove_suffix(1);
  std::vector<std::byte> bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) fail_base64();
    group = group << kDigitBits | static_cast<std::uint32_t>(digit);
    bits += kDigitBits;
    if (bits < kByteBits) continue;
    bits -= kByteBits;
    bytes.push_back(static_cast<std::byte>(group >> bits & 0xFFU));
  }
  return bytes;
}

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
  std::vector<std::uint8_t> bytes(libdeflate_deflate_compress_bound(compressor.get(), text.size()));
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
  const std::uint64_t stored = bytes + kHead * (bytes / kBlock + 2);
  return (stored + kGroupBytes - 1) / kGroupBytes * kGroupDigits;
}

}  // namespace wquant
