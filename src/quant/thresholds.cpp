#include "quant/thresholds.h"

#include <cmath>
#include <limits>

namespace wquant {
namespace {

/// The threshold below zero for a boundary whose threshold above is that.
float below_zero(float threshold) {
  return std::nextafter(-threshold, std::numeric_limits<float>::infinity());
}

}  // namespace

float threshold_at(const Distribution& distribution, double boundary) {
  const float size = distribution.threshold(std::fabs(boundary));
  if (size == 0) return distribution.zero_threshold();
  return boundary > 0 ? size : below_zero(size);
}

std::vector<float> nearest_thresholds(const Distribution& distribution,
                                      std::span<const double> levels) {
  std::vector<float> thresholds;
  thresholds.reserve(levels.size());
  for (std::size_t i = 1; i < levels.size(); ++i) {
    thresholds.push_back(threshold_at(distribution, 0.5 * (levels[i - 1] + levels[i])));
  }
  return thresholds;
}

bool are_mirrored(std::span<const float> levels, std::span<const float> thresholds) {
  const std::size_t last = thresholds.size() - 1;
  for (std::size_t k = 0; k < levels.size() / 2; ++k) {
    if (levels[k] != -levels[last + 1 - k]) return false;
  }
  for (std::size_t k = 0; k < thresholds.size() / 2; ++k) {
    if (thresholds[k] != below_zero(thresholds[last - k])) return false;
  }
  return true;
}

}  // namespace wquant
