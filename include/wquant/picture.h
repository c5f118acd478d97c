#pragma once

#include <cstdint>
#include <vector>

namespace wquant {

/// Numbers of weights in bins of equal width that span [low, high].
struct Histogram {
  double low = 0, high = 0;
  std::vector<std::uint64_t> counts;
  std::uint64_t below = 0, above = 0;  ///< Weights outside of the range.
};

/// What a first boundary x0 gives.
struct CurvePoint {
  double x0 = 0;
  double rho = 0;  ///< Correlation with nearest-level codes, before any balancing.
};

/// What there is to draw of one quantized tensor.
struct TensorPicture {
  /// Of the range where nearly all weights lie. Where the tensor has scales: of a sample of them,
  /// each over its scale.
  Histogram weights;
  /// In the histogram's units, ascending, each once; some may lie outside of its range.
  std::vector<float> levels, thresholds;
  /// By ascending x0, the codebook's own among them, for its ratio or the one that follows from x0.
  /// Empty where there is no x0 (Codebook::x0) or the levels do not follow from it alone: with
  /// scales, with a level for zeros and with codes that are stored at their entropy.
  std::vector<CurvePoint> curve;
};

}  // namespace wquant
