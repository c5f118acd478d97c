#pragma once

#include <string>

#include "wquant/report.h"

namespace wquant {

/// The report as a table of at most 100 columns and a summary, for a person.
std::string report_text(const Report& report);

/// The report as JSON, for a program: every figure, two-space indented, keys in a fixed order,
/// ending in a newline. What is not finite (an infinite SNR) is null.
std::string report_json(const Report& report);

}  // namespace wquant
