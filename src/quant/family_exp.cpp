#include "quant/family.h"
#include "quant/partition.h"

namespace wquant {
namespace {

/// Largest ratio that is searched: at 4 a level stands for weights that differ by a factor of 4.
constexpr double kLargestRatio = 4;

}  // namespace

/// Interval widths x0, x0 r, x0 r^2, ... (exponential discretization, Malsagov et al. 2019).
SearchSpace exp_space(const Distribution& distribution, const TensorSettings& settings) {
  const double top = distribution.max_abs();
  const int intervals = 1 << (settings.bits - 1);
  SearchSpace space;
  space.x_low = top * kSmallestStep;
  space.x_high = top;
  switch (settings.ratio_rule) {
    case RatioRule::kAuto:
      // With two intervals there is one boundary, x0 itself; only a midpoint needs a ratio then.
      if (intervals > 2 || settings.values == Values::kMidpoint) space.r_high = kLargestRatio;
      break;
    case RatioRule::kFixed:
      space.r_low = space.r_high = settings.ratio;
      break;
    case RatioRule::kRange:
      space.x_high = top / intervals;
      space.ratio_of_x0 = [=](double x0) {
        return ratio_for_width_sum(top / x0, intervals, top / x0);
      };
      break;
  }
  return space;
}

}  // namespace wquant
