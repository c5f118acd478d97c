#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "wquant/model.h"
#include "wquant/quantize.h"

namespace wquant {

/// A tensor of two models, by its index in each.
struct TensorPair {
  std::size_t original, restored;
};

/// How far the weights of a tensor are from what they became.
struct MeasuredErrors {
  double rho = 1;             ///< Their correlation; 1 where the original does not vary.
  double relative_error = 0;  ///< Squared error over the variance.
  double snr_db = 0;          ///< 10 log10(sum w^2 / sum error^2); infinite when nothing is lost.
  double max_error = 0;       ///< Largest |w - w'|.
  /// What the rounding of w' to float32, where it is a level times a scale, may add to the relative
  /// error or take from it. Figures of what was not yet rounded may be off by as much.
  double rounding = 0;
};

/// Reads both models once, whatever formats they have, and measures every pair, whose tensors must
/// have as many elements. Weights that are not finite make figures NaN. Throws Error naming the
/// tensor where reading fails or its dtype cannot be quantized; Error (interrupted) when
/// RunOptions::stop is set.
std::vector<MeasuredErrors> measure_errors(const ModelReader& original, const ModelReader& restored,
                                           std::span<const TensorPair> pairs,
                                           const RunOptions& options = {});

}  // namespace wquant
