#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "unit/layers.h"

namespace wquant::testing_layers {

/// Makes a share of the weights 0: the smallest, or any.
inline void prune(std::vector<float>& layer, double share, bool smallest, std::mt19937_64& random) {
  std::vector<float> sizes(layer.size());
  std::ranges::transform(layer, sizes.begin(), [](float w) { return std::fabs(w); });
  std::ranges::sort(sizes);
  const auto kept = static_cast<std::size_t>(share * static_cast<double>(sizes.size()));
  const float limit = sizes[std::min(kept, sizes.size() - 1)];
  for (float& w : layer) {
    if (smallest ? std::fabs(w) < limit : uniform(random) < share) w = 0;
  }
}

inline bool zeros_stay(const std::vector<float>& layer, const std::vector<double>& values) {
  for (std::size_t i = 0; i < layer.size(); ++i) {
    if (layer[i] == 0 && values[i] != 0) return false;
  }
  return true;
}

}  // namespace wquant::testing_layers
