#pragma once

#include <memory>

#include "quant/mask_bits.h"
#include "wquant/model.h"
#include "wquant/quantize.h"

namespace wquant {

/// The model with +0 in place of what the bits say is removed. It must outlive the view.
std::unique_ptr<ModelReader> pruned_view(const ModelReader& model,
                                         std::shared_ptr<const MaskBits> bits);

/// The bits as tensors of U8, 0 for what is removed and 1 for what stays, named like those of the
/// plan that are pruned. `path` is for messages.
std::unique_ptr<ModelReader> mask_view(const Plan& plan, std::shared_ptr<const MaskBits> bits,
                                       std::string path);

}  // namespace wquant
