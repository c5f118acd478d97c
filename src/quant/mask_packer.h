#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace wquant {

/// Turns codes, one of which is that of zeros, into a bit mask of the others and these, packed. The
/// codes above that of zeros are counted without it.
class MaskPacker {
 public:
  MaskPacker(std::uint8_t zero_code, int bits);

  /// Appends the bits of the codes, which must be a multiple of 8 unless they are the last, and of
  /// the packed codes those that fill whole bytes.
  void add(std::span<const std::uint8_t> codes, std::vector<std::uint8_t>& mask,
           std::vector<std::uint8_t>& packed);
  /// Appends the packed codes that are left.
  void finish(std::vector<std::uint8_t>& packed);

 private:
  void pack(std::size_t count, std::vector<std::uint8_t>& packed);

  std::uint8_t zero_code_;
  int bits_;
  std::array<std::uint8_t, 256> stored_;  // What each code is stored as.
  std::vector<std::uint8_t> others_;      // Codes that wait, fewer than 8 between calls.
};

}  // namespace wquant
