#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.h"
#include "quant/cell_scales.h"
#include "quant/encoder.h"
#include "quant/error_sums.h"
#include "wquant/cells.h"

namespace wquant {

/// What became of some weights.
struct CellSums {
  ErrorSums errors;
  std::array<std::uint64_t, 256> codes = {};  ///< How many have each.

  CellSums& operator+=(const CellSums& other);
  /// Of the codes, bits a weight.
  [[nodiscard]] double entropy() const;
};

/// Scales of cells one after the other, the first of which begins at weight `origin`.
class CellFactors {
 public:
  CellFactors(std::uint64_t origin, std::span<const float> scales);

  [[nodiscard]] std::uint64_t origin() const { return origin_; }
  [[nodiscard]] const float* scales() const { return scales_.data(); }
  [[nodiscard]] const float* inverses() const { return inverses_.data(); }

 private:
  std::uint64_t origin_;
  std::span<const float> scales_;
  std::vector<float> inverses_;
};

/// Finds the codes of weights over their scales. Its functions may run in several threads at once.
class CellEncoder {
 public:
  CellEncoder(const CellPlan& plan, const CellCodebook& codebook, double pivot);

  /// The codes of a block that begins at weight `first`.
  void find_codes(std::uint64_t first, WeightView block, const CellFactors& factors,
                  std::span<std::uint8_t> codes) const;
  /// Adds what codes and levels make of the block.
  void add_errors(std::uint64_t first, WeightView block, const CellFactors& factors,
                  std::span<const std::uint8_t> codes, const Codebook& levels,
                  CellSums& sums) const;

 private:
  const CellPlan& plan_;
  Encoder encoder_;
  double pivot_;
};

}  // namespace wquant
