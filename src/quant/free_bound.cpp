#include "quant/free_bound.h"

#include <algorithm>
#include <cmath>

#include "quant/level_programme.h"
#include "quant/signed_cells.h"

namespace wquant {
namespace {

/// Cells of the dynamic programme; more bins than that are joined.
constexpr double kMostCells = 4096;
/// What a cell costs, in boundary look-ups.
constexpr double kEffortPerCell = 100;
/// Steps of the search for lambda; any lambda gives a valid bound.
constexpr int kSteps = 14;

}  // namespace

double free_bound(const Distribution& distribution, std::size_t levels, double effort) {
  const double most = std::min(effort / kEffortPerCell, kMostCells);
  const std::vector<Cell> cells = spread_cells(distribution, static_cast<std::size_t>(most));
  if (cells.size() <= levels) return 1;
  LevelProgramme programme(cells, distribution.mean());
  const double kept = best_cuts(programme, levels, kSteps).bound;
  const double all = distribution.count() * distribution.variance();
  return std::sqrt(std::clamp(kept / all, 0.0, 1.0));
}

}  // namespace wquant
