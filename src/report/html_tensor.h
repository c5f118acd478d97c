#pragma once

#include <cstddef>
#include <string>

#include "wquant/report.h"

namespace wquant {

/// A quantized tensor as an element that unfolds: its pictures and figures.
std::string tensor_html(const TensorReport& tensor, std::size_t number, bool open);

/// What stands in the columns of the tensors' headings.
std::string tensor_head_html();

}  // namespace wquant
