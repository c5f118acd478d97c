#pragma once

#include <span>
#include <vector>

#include "quant/distribution.h"

namespace wquant {

/// The float t with w >= t exactly for the weights above a boundary of that sign, which is placed
/// where the distribution places its magnitude. A weight at the boundary lies on the side that is
/// farther from zero; at zero it counts as positive.
float threshold_at(const Distribution& distribution, double boundary);

/// Thresholds that give every weight the nearest of the ascending levels, of two equally near the
/// one that is farther from zero.
std::vector<float> nearest_thresholds(const Distribution& distribution,
                                      std::span<const double> levels);

/// Whether the ascending levels are as many of either sign, and each weight has that of its
/// magnitude with its sign; zeros aside.
bool are_mirrored(std::span<const float> levels, std::span<const float> thresholds);

}  // namespace wquant
