#pragma once

#include <cstddef>
#include <vector>

#include "quant/distribution.h"
#include "wquant/picture.h"

namespace wquant {

/// Weights that lie evenly between two values, or all at one.
struct Stretch {
  double low = 0, high = 0, count = 0;
};

/// A distribution's weights, ascending: a stretch for every sign of every bin that has any, about
/// its mean.
std::vector<Stretch> stretches_of(const Distribution& distribution);

/// Adds up what lies in each of so many bins that span [low, high]; low < high. Counts are rounded
/// so that none is lost.
Histogram histogram_of(const std::vector<Stretch>& weights, double low, double high,
                       std::size_t bins);

}  // namespace wquant
