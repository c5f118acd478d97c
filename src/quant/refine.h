#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/distribution.h"

namespace wquant {

/// A flag for every pattern of a magnitude's upper bits: its weights are wanted.
class MagnitudeMarks {
 public:
  MagnitudeMarks() = default;
  /// `shift` lower bits of a magnitude's 31 do not matter.
  explicit MagnitudeMarks(int shift) : shift_(shift), flags_(std::size_t{1} << (31 - shift)) {}

  [[nodiscard]] bool empty() const { return flags_.empty(); }
  [[nodiscard]] std::size_t key(float weight) const {
    return (std::bit_cast<std::uint32_t>(weight) & (~0U >> 1)) >> shift_;
  }
  [[nodiscard]] std::uint8_t operator[](std::size_t key) const { return flags_[key]; }
  void set(std::size_t key) { flags_[key] = 1; }

  /// Appends the weights of marked keys.
  void gather(WeightView weights, std::vector<float>& out) const;

 private:
  int shift_ = 0;
  std::vector<std::uint8_t> flags_;
};

/// Bins that refine() makes of one.
inline constexpr int kRefineBits = 4;

/// The distribution with the marked keys cut into 2^kRefineBits equal parts. `gathered` are all
/// weights of these keys.
Distribution refine(const Distribution& distribution, const MagnitudeMarks& marks,
                    std::span<const float> gathered);

}  // namespace wquant
