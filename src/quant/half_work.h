#pragma once

#include <memory>
#include <optional>

#include "base/staged_work.h"
#include "quant/distribution.h"
#include "quant/run_state.h"

namespace wquant {

/// Work on a tensor whose weights are stored as F16, see Coding::kF16.
std::unique_ptr<StagedWork> quantize_to_halves(const RunState& run, std::size_t index);

/// Throws Error for a weight that F16 cannot hold.
[[noreturn]] void refuse_beyond_half();

/// About the squared error over the variance of weights of that dtype which are rounded to F16;
/// none where one may be too large for it.
std::optional<double> half_error(Dtype dtype, const Distribution& weights);

}  // namespace wquant
