#pragma once

#include <functional>

#include "quant/distribution.h"
#include "quant/objective.h"

namespace wquant {

/// The box of partitions that a family searches.
struct SearchSpace {
  double x_low = 0, x_high = 0;  ///< Of x0; equal: nothing to search.
  double r_low = 1, r_high = 1;  ///< Of r, where it is searched beside x0.
  /// Where r follows from x0 (and falls as x0 grows): the function; r_low and r_high are unused.
  std::function<double(double x0)> ratio_of_x0;
};

/// The best partition that was found.
struct SearchResult {
  double x0 = 0;
  double r = 1;
  Fit fit;
  double gap = 0;  ///< Proven: no partition of the space has a rho above fit.rho + gap.
};

/// Finds the partition of the space with the largest correlation: all of them where they are few,
/// else a grid, a descent from its best points, then branch and bound over boxes of (x0, r), whose
/// largest remaining bound is the gap. The work is bounded: about `effort` boundary look-ups.
SearchResult search(Objective& objective, const SearchSpace& space, double effort);

}  // namespace wquant
