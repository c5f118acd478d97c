#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "quant/family.h"
#include "quant/level_programme.h"
#include "quant/signed_cells.h"

namespace wquant {
namespace {

/// Enough for every case that occurs: the search for lambda ends by itself.
constexpr int kMostSteps = 200;

double centroid(std::span<const Cell> cells) {
  double count = 0;
  double sum = 0;
  for (const Cell& cell : cells) {
    count += cell.count;
    sum += cell.count * cell.value;
  }
  return sum / count;
}

/// Levels and thresholds of a partition. What is left of the levels repeats the largest and is
/// never used.
LevelFit fit_cuts(const Distribution& distribution, const SignedCells& weights, const Cuts& cuts,
                  std::size_t levels) {
  LevelFit found;
  std::size_t begin = 0;
  for (const std::size_t end : cuts) {
    found.levels.push_back(centroid(std::span(weights.cells).subspan(begin, end - begin)));
    if (begin > 0) {
      found.thresholds.push_back(
          threshold_between(distribution, weights.bins[begin - 1], weights.bins[begin]));
    }
    begin = end;
  }
  found.levels.resize(levels, found.levels.back());
  found.thresholds.resize(levels - 1, std::numeric_limits<float>::infinity());
  found.fit = evaluate_levels(distribution, found.levels, found.thresholds);
  return found;
}

Cuts every_cell(std::size_t cells) {
  Cuts cuts(cells);
  std::iota(cuts.begin(), cuts.end(), std::size_t{1});
  return cuts;
}

/// How much more correlation thresholds within bins could give: with the weights of every bin at
/// its two ends, so many levels keep at least as much energy.
double binning_gap(const Distribution& distribution, std::size_t levels, double lambda,
                   double rho) {
  const std::vector<Cell> cells = spread_cells(distribution, std::numeric_limits<int>::max());
  LevelProgramme programme(cells, distribution.mean());
  const double kept = programme.maximum(lambda).value + lambda * static_cast<double>(levels);
  const double all = distribution.count() * distribution.variance();
  return std::max(0.0, std::sqrt(std::max(0.0, kept / all)) - rho);
}

}  // namespace

/// 2^bits levels anywhere: the least squared error of all codebooks, which for centroids is the
/// largest correlation (Lloyd 1982, Max 1960; found globally as by Wang and Song 2011).
LevelFit fit_kmeans(const Distribution& distribution, const TensorSettings& settings) {
  const std::size_t levels = std::size_t{1} << settings.bits;
  const SignedCells weights = signed_cells(distribution);
  const std::size_t cells = weights.cells.size();
  const bool all_fit = cells <= levels;
  BestCuts best = {every_cell(all_fit ? cells : 0)};
  if (!all_fit) {
    LevelProgramme programme(weights.cells, distribution.mean());
    best = best_cuts(programme, levels, kMostSteps);
  }
  LevelFit found = fit_cuts(distribution, weights, best.cuts, levels);
  if (!distribution.exact() && distribution.variance() > 0) {
    found.gap = binning_gap(distribution, levels, best.lambda, found.fit.rho);
  }
  return found;
}

}  // namespace wquant
