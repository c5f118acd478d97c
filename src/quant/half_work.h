#pragma once

#include <memory>
#include <optional>

#include "base/staged_work.h"
#include "quant/distribution.h"
#include "quant/run_state.h"

namespace wquant {

/// Work on a tensor whose weights are stored as F16, see Coding::kF16.
std::unique_ptr<StagedWork> quantize_to_halves(const RunState& run, std::size_t index);

/// About the squared error over the variance of weights that are rounded to F16; none where they do
/// not fit.
std::optional<double> half_error(const Distribution& weights);

}  // namespace wquant
