#pragma once

#include <cstdint>
#include <vector>

#include "quant/distribution.h"
#include "quant/level_fit.h"
#include "wquant/settings.h"

namespace wquant {

/// Levels for codes that are stored at their entropy: one for each multiple of a step that is
/// nearest to some weight, among them zero, and at most 127 to either side. At equal entropy equal
/// intervals lose next to nothing against any others (Gish, Pierce: Asymptotically efficient
/// quantizing, 1968), so that the step is all there is to choose.

/// The levels for TensorSettings::step, each the centroid of its weights; that of weights about 0
/// is 0 itself where zeros are to stay.
LevelFit fit_stepped(const Distribution& distribution, const TensorSettings& settings,
                     bool keeps_zeros);

/// What one step makes of a tensor.
struct SteppedChoice {
  double step = 0;
  std::uint64_t bytes = 0;  ///< Of codes and levels.
  double error = 0;         ///< 1 - rho^2
};

/// The step that settings ask for.
double step_of(const Distribution& distribution, const TensorSettings& settings);

SteppedChoice stepped_choice(const Distribution& distribution, double step, bool keeps_zeros);

/// The choices of all steps that are of use, coarse ones first.
std::vector<SteppedChoice> stepped_choices(const Distribution& distribution, bool keeps_zeros);

}  // namespace wquant
