#include "quant/family.h"

namespace wquant {

/// Equal intervals b_k = k x0. The full range x0 = max |w| / K is the unclipped baseline.
SearchSpace linear_space(const Distribution& distribution, const TensorSettings& settings) {
  const double top = distribution.max_abs();
  const double intervals = 1 << (settings.bits - 1);
  SearchSpace space;
  space.x_high = settings.range == RangeRule::kFull ? top / intervals : top;
  space.x_low = settings.range == RangeRule::kFull ? space.x_high : top * kSmallestStep;
  return space;
}

}  // namespace wquant
