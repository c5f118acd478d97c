#include "quant/level_fit.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "quant/code_statistics.h"
#include "quant/thresholds.h"

namespace wquant {

Fit evaluate_levels(const Distribution& distribution, std::span<const double> levels,
                    std::span<const float> thresholds) {
  const std::vector<CodeShare> shares = code_shares(distribution, thresholds);
  const double n = distribution.count();
  const double mean = distribution.mean();
  const double variance = distribution.variance();
  Fit fit;
  for (std::size_t i = 0; i < levels.size(); ++i) fit.mean += levels[i] * (shares[i].count / n);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const double d = levels[i] - fit.mean;
    fit.variance += d * d * (shares[i].count / n);
    fit.covariance += d * ((shares[i].sum - mean * shares[i].count) / n);
  }
  fit.finish(mean, variance);
  return fit;
}

LevelFit fit_nearest(const Distribution& distribution, std::vector<double> levels) {
  LevelFit found;
  found.levels = std::move(levels);
  found.thresholds = nearest_thresholds(distribution, found.levels);
  found.fit = evaluate_levels(distribution, found.levels, found.thresholds);
  return found;
}

void pad_levels(LevelFit& found) {
  const std::size_t levels = std::max<std::size_t>(std::bit_ceil(found.levels.size()), 2);
  found.levels.resize(levels, found.levels.back());
  found.thresholds.resize(levels - 1, std::numeric_limits<float>::infinity());
}

void LeastError::offer(LevelFit candidate) {
  largest_rho_ = std::max(largest_rho_, candidate.fit.rho);
  if (best_.levels.empty() || candidate.fit.squared_error < best_.fit.squared_error) {
    best_ = std::move(candidate);
  }
}

LevelFit LeastError::take() && {
  best_.gap = largest_rho_ - best_.fit.rho;
  return std::move(best_);
}

}  // namespace wquant
