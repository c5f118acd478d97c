#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "coding/zero_mask.h"

namespace wquant {

/// Codes beside a mask of zeros as a file has them: the mask, then the packed codes of all weights
/// that are not 0. Any number of threads may use one reader.
class MaskedCodes {
 public:
  /// Of `count` weights, codes of `bits` bits. `stored` must outlive the reader. Throws Error where
  /// it has not the size that the mask implies, and where unused bits are not 0.
  MaskedCodes(std::span<const std::byte> stored, std::uint64_t count, int bits);

  /// What weights from `first` on became: levels of their codes, 2^bits, or 0.
  void read(std::uint64_t first, std::span<const float> levels, std::span<float> out) const;

 private:
  std::span<const std::uint8_t> packed_;
  ZeroMask mask_;
  int bits_;
};

}  // namespace wquant
