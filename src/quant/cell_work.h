#pragma once

#include <memory>

#include "base/staged_work.h"
#include "quant/run_state.h"

namespace wquant {

/// Work on a tensor whose cells have scales.
std::unique_ptr<StagedWork> quantize_cells(const RunState& run, std::size_t index);

}  // namespace wquant
