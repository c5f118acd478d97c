#pragma once

#include <string>

#include "wquant/compare.h"
#include "wquant/report.h"

namespace wquant {

/// Pages for a person: one file each with everything in it, without scripts and without requests to
/// anywhere, well-formed as XML too. The same report gives the same bytes.

/// The report with its figures by layer and, where TensorReport::picture is set, a histogram and a
/// curve of every tensor: less than 10 kB a tensor.
std::string report_html(const Report& report);

/// Settings beside each other.
std::string comparison_html(const Comparison& comparison);

}  // namespace wquant
