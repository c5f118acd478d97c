#pragma once

#include <string>

#include "wquant/compare.h"

namespace wquant {

/// The comparison as a table of at most 100 columns with a row a setting, and what must be known to
/// read it, for a person. What all settings have in common has no column.
std::string comparison_text(const Comparison& comparison);

/// The rows as comma-separated values with a header, for a program; names of tensors are quoted
/// where they must be.
std::string comparison_csv(const Comparison& comparison);

/// The comparison as JSON with the figures of every tensor, as report_json().
std::string comparison_json(const Comparison& comparison);

/// "4 bits of exp", "6x of linear": the row that was asked for, in a few words.
std::string setting_text(const ComparedSetting& setting);

}  // namespace wquant
