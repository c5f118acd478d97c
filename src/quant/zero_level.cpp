#include "quant/zero_level.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "quant/code_statistics.h"
#include "quant/free_bound.h"

namespace wquant {
namespace {

/// Share of zeros from which their level is worth the one that it costs.
constexpr double kManyZeros = 0.125;
/// Look-ups that the bound may take.
constexpr double kBoundEffort = 4e5;

/// The number of thresholds at or below 0.
std::size_t code_of_zero(const LevelFit& found) {
  const auto above = std::ranges::upper_bound(found.thresholds, 0.0F);
  return static_cast<std::size_t>(above - found.thresholds.begin());
}

std::vector<double> with_zeros_moved(const LevelFit& found) {
  std::vector<double> levels = found.levels;
  levels[code_of_zero(found)] = 0;
  return levels;
}

/// Squared error that it costs to join two levels.
double cost_of_joining(const CodeShare& a, const CodeShare& b, double distance) {
  const double both = a.count + b.count;
  return both > 0 ? a.count * b.count / both * distance * distance : 0;
}

/// The level before the one that it is joined to at the least cost; of equal costs the last.
std::size_t cheapest_pair(const std::vector<double>& levels, const std::vector<CodeShare>& shares) {
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
    const double cost = cost_of_joining(shares[i], shares[i + 1], levels[i + 1] - levels[i]);
    if (cost > least) continue;
    least = cost;
    best = i;
  }
  return best;
}

std::vector<double> with_two_joined(const Distribution& distribution, const LevelFit& found) {
  std::vector<double> levels = found.levels;
  const std::vector<CodeShare> shares = code_shares(distribution.without_zeros(), found.thresholds);
  const std::size_t i = cheapest_pair(levels, shares);
  const double count = shares[i].count + shares[i + 1].count;
  const double sum = shares[i].count * levels[i] + shares[i + 1].count * levels[i + 1];
  levels[i] = count > 0 ? sum / count : levels[i];
  levels.erase(levels.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  levels.insert(std::ranges::lower_bound(levels, 0.0), 0);
  return levels;
}

}  // namespace

bool keeps_zeros(const Distribution& distribution, const TensorSettings& settings) {
  const double zeros = distribution.zeros();
  if (settings.zero == Zero::kOff || zeros == 0) return false;
  return settings.zero == Zero::kKeep || zeros >= kManyZeros * distribution.count();
}

bool wants_zero_level(const Distribution& distribution, const TensorSettings& settings) {
  // One bit has no level to spare.
  const bool takes = find_family(settings.mode).info.takes_zero && settings.bits > 1 &&
                     settings.search != SearchRule::kExact;
  return takes && distribution.variance() > 0 && keeps_zeros(distribution, settings);
}

LevelFit with_zero_level(const Distribution& distribution, const LevelFit& found,
                         const LevelFit& others) {
  LevelFit best = fit_nearest(distribution, with_zeros_moved(found));
  LevelFit joined = fit_nearest(distribution, with_two_joined(distribution, others));
  if (joined.fit.rho > best.fit.rho) best = std::move(joined);
  best.x0 = found.x0;
  best.r = found.r;
  const double bound = free_bound(distribution, best.levels.size(), kBoundEffort);
  best.gap = std::max(0.0, bound - best.fit.rho);
  return best;
}

}  // namespace wquant
