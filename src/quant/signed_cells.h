#pragma once

#include <cstddef>
#include <vector>

#include "quant/distribution.h"
#include "quant/level_programme.h"

namespace wquant {

/// The weights of one sign in one bin.
struct SignedBin {
  std::size_t bin;
  bool negative;
};

/// A distribution's weights in ascending order: one cell for every sign of every bin that has any.
struct SignedCells {
  std::vector<Cell> cells;
  std::vector<SignedBin> bins;  ///< Where each cell comes from.
};

SignedCells signed_cells(const Distribution& distribution);

/// The same counts and sums with the weights of every bin at the bin's two ends. The energy that
/// the best levels keep is a convex function of every weight, so it is at least what they keep of
/// the weights themselves. Bins are joined until there are about `most_cells`.
std::vector<Cell> spread_cells(const Distribution& distribution, std::size_t most_cells);

/// The threshold between two cells that follow each other, `above` the upper one: midway where
/// every bin is one magnitude, else the smallest float of the upper one's bin.
float threshold_between(const Distribution& distribution, const SignedBin& below,
                        const SignedBin& above);

}  // namespace wquant
