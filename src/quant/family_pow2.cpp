#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "quant/family.h"
#include "quant/zero_level.h"

namespace wquant {
namespace {

/// Exponents of the largest level that are tried, below that of max |w|.
constexpr int kExponents = 20;
constexpr int kLargestExponent = std::numeric_limits<float>::max_exponent - 1;

/// What is spent on a level at zero.
enum class ZeroPlace { kNone, kSmallestNegative, kSmallestPositive };
constexpr ZeroPlace kZeros[] = {ZeroPlace::kNone, ZeroPlace::kSmallestNegative,
                                ZeroPlace::kSmallestPositive};

/// Levels -2^top, ..., 2^top with the smallest 2^(top - intervals + 1), or zero for one of the two
/// smallest. Powers below those of float32 are zero.
std::vector<double> powers(int top, int intervals, ZeroPlace zero) {
  const auto middle = static_cast<std::size_t>(intervals);
  std::vector<double> levels(2 * middle);
  for (std::size_t i = 0; i < middle; ++i) {
    levels[middle + i] = std::ldexp(1.0F, top - intervals + 1 + static_cast<int>(i));
    levels[middle - 1 - i] = -levels[middle + i];
  }
  if (zero == ZeroPlace::kSmallestNegative) levels[middle - 1] = 0;
  if (zero == ZeroPlace::kSmallestPositive) levels[middle] = 0;
  return levels;
}

}  // namespace

/// Powers of two of either sign, each half of the next larger one; one level is zero where that
/// helps, or where zeros are to stay, which one bit has no level to spare for.
LevelFit fit_pow2(const Distribution& distribution, const TensorSettings& settings) {
  const int intervals = 1 << (settings.bits - 1);
  int top = 0;
  std::frexp(distribution.max_abs(), &top);
  top = std::min(top, kLargestExponent);
  const bool keeps = settings.bits > 1 && keeps_zeros(distribution, settings);
  LeastError best;
  for (int exponent = top; exponent >= top - kExponents; --exponent) {
    for (const ZeroPlace zero : kZeros) {
      if (keeps && zero == ZeroPlace::kNone) continue;
      best.offer(fit_nearest(distribution, powers(exponent, intervals, zero)));
    }
  }
  return std::move(best).take();
}

}  // namespace wquant
