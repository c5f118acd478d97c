#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace wquant {

/// A bit for each weight of a tensor, 1 where it has a code and 0 where it is 0: bit i is bit i % 8
/// (0 is the lowest) of byte i / 8, and bits beyond the last weight are 0. The codes of the others
/// follow one another, so that where one lies is the number of ones before its bit.

/// Bytes of the mask of `count` weights.
constexpr std::uint64_t mask_bytes(std::uint64_t count) { return count / 8 + (count % 8 + 7) / 8; }

/// Reads a mask. Any number of threads may use one reader.
class ZeroMask {
 public:
  /// Of `count` weights; `stored`, which must outlive the reader, has mask_bytes(count). Throws
  /// Error where a bit beyond the last weight is 1. Keeps a sum for each 2^17 bits.
  ZeroMask(std::span<const std::uint8_t> stored, std::uint64_t count);

  /// How many weights have a code.
  [[nodiscard]] std::uint64_t ones() const { return sums_.back(); }
  /// How many of the first `end` weights have one, end <= count.
  [[nodiscard]] std::uint64_t ones_before(std::uint64_t end) const;

  /// Puts the next of `values` wherever weights from `first` on have a code, and 0 elsewhere. There
  /// must be one value more than there are codes in that range; the last is not used.
  void spread(std::uint64_t first, std::span<const float> values, std::span<float> out) const;

 private:
  std::span<const std::uint8_t> stored_;
  std::vector<std::uint64_t> sums_;  // Ones before every stretch of bits, and of all.
};

}  // namespace wquant
