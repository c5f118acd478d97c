#pragma once

#include "quant/distribution.h"

namespace wquant {

/// An upper bound of the correlation that any codebook of `levels` levels can have, wherever its
/// thresholds and levels lie.
///
/// Such a codebook explains at most the largest energy E that so many levels keep of the weights
/// about their mean: rho^2 <= E / (count * variance). By Lagrangian duality E <= max over
/// partitions of any size of (energy - lambda * size) + lambda * levels, for every lambda >= 0; the
/// inner maximum is a LevelProgramme, over weights that are spread to the ends of their bins. Bins
/// are joined until it takes about `effort` boundary look-ups.
double free_bound(const Distribution& distribution, std::size_t levels, double effort);

}  // namespace wquant
