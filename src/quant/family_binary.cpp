#include "quant/family.h"

namespace wquant {

/// Plus and minus the mean magnitude: one interval, nothing to search.
SearchSpace binary_space(const Distribution& distribution, const TensorSettings& /*settings*/) {
  SearchSpace space;
  space.x_low = space.x_high = distribution.max_abs();
  return space;
}

}  // namespace wquant
