#pragma once

#include <memory>

#include "base/staged_work.h"
#include "quant/run_state.h"

namespace wquant {

/// Work on a tensor of more than one slab, slab by slab.
std::unique_ptr<StagedWork> quantize_shared(const RunState& run, std::size_t index);
std::unique_ptr<StagedWork> copy_shared(const RunState& run, std::size_t index);

}  // namespace wquant
