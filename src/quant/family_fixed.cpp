#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "quant/family.h"

namespace wquant {
namespace {

/// Steps that are tried, each half of the one before.
constexpr int kSteps = 21;
constexpr int kLargestExponent = std::numeric_limits<float>::max_exponent - 1;
constexpr int kSmallestExponent = -149;  // Of float32.

/// i 2^exponent for all two's complement numbers i of so many bits.
std::vector<double> fixed_levels(int bits, int exponent) {
  const int half = 1 << (bits - 1);
  std::vector<double> levels;
  for (int i = -half; i < half; ++i) levels.push_back(std::ldexp(i, exponent));
  return levels;
}

}  // namespace

/// Fixed-point numbers, i 2^-f with i = -2^(bits - 1) ... 2^(bits - 1) - 1.
LevelFit fit_fixed(const Distribution& distribution, const TensorSettings& settings) {
  // The largest step spans all weights twice.
  int top = 0;
  std::frexp(distribution.max_abs(), &top);
  const int first = std::min(top + 2, kLargestExponent + 1) - settings.bits;
  LeastError best;
  for (int exponent = first; exponent > first - kSteps; --exponent) {
    best.offer(fit_nearest(distribution,
                           fixed_levels(settings.bits, std::max(exponent, kSmallestExponent))));
  }
  return std::move(best).take();
}

}  // namespace wquant
