#pragma once

#include <memory>

#include "base/staged_work.h"
#include "quant/run_state.h"

namespace wquant {

/// Work on a tensor whose weights are stored as F16, see Coding::kF16.
std::unique_ptr<StagedWork> quantize_to_halves(const RunState& run, std::size_t index);

}  // namespace wquant
