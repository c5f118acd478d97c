#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "wquant/model.h"

namespace wquant {

/// For writing a model in the place of the weights of a file that holds more than weights: entry i
/// is the tensor of `model` that has the name, shape and dtype of tensors[i]. Throws Error naming
/// the tensor when the two do not hold the same tensors.
std::vector<std::size_t> match_tensors(const ModelReader& model,
                                       std::span<const TensorInfo> tensors);

}  // namespace wquant
