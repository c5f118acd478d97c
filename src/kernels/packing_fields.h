#pragma once

#include <cstdint>

namespace wquant {
namespace {

/// Where the bits of groups of eight codes of `bits` bits lie while fields of 8, 16 and 32 bits,
/// half of which they fill, are joined to fields of twice the width; two groups in 16 bytes.
struct PackingFields {
  std::uint64_t kept8, kept16, kept32;     ///< The bits that stay below.
  std::uint64_t moved8, moved16, moved32;  ///< Where the others lie apart.
  std::uint8_t together[16], apart[16];    ///< Moves of bytes; 0x80 makes a zero.

  explicit PackingFields(int bits) {
    const std::uint64_t one = 1;
    const std::uint64_t m8 = (one << bits) - 1;
    const std::uint64_t m16 = (one << 2 * bits) - 1;
    const std::uint64_t m32 = (one << 4 * bits) - 1;
    kept8 = m8 * 0x0001000100010001U;
    moved8 = m8 * 0x0100010001000100U;
    kept16 = m16 * 0x0000000100000001U;
    moved16 = m16 * 0x0001000000010000U;
    kept32 = m32;
    moved32 = m32 << 32;
    for (int i = 0; i < 16; ++i) {
      const int from = i < bits ? i : i < 2 * bits ? i - bits + 8 : 0x80;
      const int to = i % 8 < bits ? i / 8 * bits + i % 8 : 0x80;
      together[i] = static_cast<std::uint8_t>(from);
      apart[i] = static_cast<std::uint8_t>(to);
    }
  }
};

}  // namespace
}  // namespace wquant
