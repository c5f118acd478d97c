#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/totals.h"
#include "wquant/report.h"

namespace wquant {

/// The quantized tensors of a report, tied ones once, in its order.
std::vector<const TensorReport*> shown_tensors(const Report& report);

/// The figures by layer: correlation, bytes and, where they differ, bits. Tensor i of the list is
/// number i + 1 and links to the element "t<number>".
std::string overview_html(const std::vector<const TensorReport*>& tensors);

/// Bits of a tensor's code, see bits_text().
double code_bits(const TensorReport& tensor);

}  // namespace wquant
