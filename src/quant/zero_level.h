#pragma once

#include "quant/distribution.h"
#include "quant/family.h"
#include "quant/level_fit.h"

namespace wquant {

/// Whether weights of that distribution that are 0 are to stay 0.
bool keeps_zeros(const Distribution& distribution, const TensorSettings& settings);

/// Whether levels of the family get one for them.
bool wants_zero_level(const Distribution& distribution, const TensorSettings& settings);

/// Levels one of which is 0, for `found`, the best of the family, and `others`, the best of the
/// family for the weights that are not 0. Those that correlate most of two candidates: `found` with
/// 0 for the level that zeros have, and `others` with 0 in the place of one level, the two
/// neighbours that differ least being joined. Every weight gets the nearest level.
LevelFit with_zero_level(const Distribution& distribution, const LevelFit& found,
                         const LevelFit& others);

}  // namespace wquant
