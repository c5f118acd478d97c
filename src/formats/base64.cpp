#include "formats/base64.h"

#include <algorithm>

#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kFill = '=';
constexpr int kDigitBits = 6, kByteBits = 8;
constexpr std::size_t kGroupBytes = 3, kGroupDigits = 4;

[[noreturn]] void fail_base64() { throw Error("text is not base64", "get it again"); }

}  // namespace

std::uint64_t base64_size(std::uint64_t bytes) {
  return (bytes + kGroupBytes - 1) / kGroupBytes * kGroupDigits;
}

std::string to_base64(std::span<const std::byte> bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += kGroupBytes) {
    const std::size_t count = std::min(kGroupBytes, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < kGroupBytes; ++k) {
      group = group << kByteBits | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < kGroupDigits; ++k) {
      const std::uint32_t digit =
          group >> kDigitBits * (kGroupDigits - 1 - k) & (kDigits.size() - 1);
      text += k <= count ? kDigits[digit] : kFill;
    }
  }
  return text;
}

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

}  // namespace wquant
