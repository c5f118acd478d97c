#pragma once

#include <string>
#include <string_view>

#include "wquant/report.h"

namespace wquant {

/// Whether the tensors that were kept are listed one by one or only summed up.
enum class KeptTensors { kSummed, kListed };

/// The report as a table of at most 100 columns and a summary, for a person.
std::string report_text(const Report& report, KeptTensors kept = KeptTensors::kSummed);

/// The report as JSON, for a program: every figure, two-space indented, keys in a fixed order,
/// ending in a newline. What is not finite (an infinite SNR) is null; bytes of names that are not
/// UTF-8 become U+FFFD.
std::string report_json(const Report& report);

/// "1,234,567"
std::string grouped(std::uint64_t number);

}  // namespace wquant
