#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/family.h"
#include "quant/free_bound.h"
#include "quant/thresholds.h"
#include "quant/zero_level.h"

namespace wquant {
namespace {

constexpr std::size_t kLevels = 3;
/// Look-ups that the bound for binned weights may take.
constexpr double kBoundEffort = 4e5;

/// The magnitude of the weights from a bin's lower edge on.
double magnitude_from(const Distribution& distribution, std::size_t bin) {
  const Tail& above = distribution.tail(bin);
  return above.count > 0 ? above.sum / above.count : 0;
}

/// Correlation of the weights with -1, 0, 1, where 0 is for magnitudes below the bin's lower edge.
double correlation_from(const Distribution& distribution, std::size_t bin) {
  const Tail& above = distribution.tail(bin);
  const double n = distribution.count();
  const double mean = (above.count - 2 * above.negative) / n;
  const double variance = above.count / n - mean * mean;
  if (variance <= 0) return 0;
  const double covariance = above.sum / n - distribution.mean() * mean;
  return covariance / std::sqrt(variance * distribution.variance());
}

/// The bin from `first` on whose lower edge is the best threshold. Zeros may well be the weights
/// below it.
std::size_t best_bin(const Distribution& distribution, std::size_t first) {
  std::size_t best = first;
  double largest = 0;
  for (std::size_t bin = first; bin < distribution.bins(); ++bin) {
    const double rho = correlation_from(distribution, bin);
    if (rho > largest) {
      largest = rho;
      best = bin;
    }
  }
  return best;
}

}  // namespace

/// Levels -v, 0, v: 0 for magnitudes below a threshold, v the mean of the others. They are stored
/// as four levels, of which the last repeats v and is never used.
LevelFit fit_ternary(const Distribution& distribution, const TensorSettings& settings) {
  const bool varies = distribution.variance() > 0;
  const std::size_t first = keeps_zeros(distribution, settings) ? 1 : 0;
  const std::size_t bin = varies ? best_bin(distribution, first) : 0;
  const double v = magnitude_from(distribution, bin);
  // At zero itself the two thresholds would meet, and the level between them serve none.
  const double edge = distribution.lower(bin);
  const float threshold = threshold_at(distribution, edge);
  LevelFit found;
  found.levels = {-v, 0, v, v};
  found.thresholds = {threshold_at(distribution, -edge), threshold,
                      std::numeric_limits<float>::infinity()};
  found.fit = evaluate_levels(distribution, found.levels, found.thresholds);
  if (!distribution.exact() && varies) {
    const double bound = free_bound(distribution, kLevels, kBoundEffort);
    found.gap = std::max(0.0, bound - found.fit.rho);
  }
  return found;
}

}  // namespace wquant
