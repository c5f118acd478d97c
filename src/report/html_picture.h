#pragma once

#include <string>

#include "wquant/report.h"

namespace wquant {

/// What TensorReport::picture holds as two charts side by side: the weights with boundaries and
/// levels, and the correlation against x0 with the optimum marked, or why there is none.
std::string picture_html(const TensorReport& tensor);

}  // namespace wquant
