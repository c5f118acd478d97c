#pragma once

#include <memory>

#include "wquant/model.h"

namespace wquant {

/// The model with every number times a factor, each rounded to its own dtype. It must outlive the
/// view. Throws Error naming a tensor that holds no floating-point numbers.
std::unique_ptr<ModelReader> scaled_view(const ModelReader& model, double factor);

}  // namespace wquant
