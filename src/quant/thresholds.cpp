#include "quant/thresholds.h"

#include <cmath>
#include <limits>

namespace wquant {

float threshold_at(const Distribution& distribution, double boundary) {
  const float size = distribution.threshold(std::fabs(boundary));
  if (size == 0) return distribution.zero_threshold();
  if (boundary > 0) return size;
  return std::nextafter(-size, std::numeric_limits<float>::infinity());
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

}  // namespace wquant
