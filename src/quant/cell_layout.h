#pragma once

#include "wquant/cells.h"
#include "wquant/model.h"

namespace wquant {

/// Which weights of tensor `index`, which is to be quantized by the settings, share a scale. Throws
/// Error (usage) for an axis that cannot be one of channels.
CellPlan plan_cells(const ModelReader& model, std::size_t index, const TensorSettings& settings);

}  // namespace wquant
