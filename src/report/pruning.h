#pragma once

#include <string>

#include "wquant/prune.h"

namespace wquant {

/// What was removed, tensor by tensor, as a table of at most 100 columns and a summary.
std::string pruning_text(const PruneReport& report);

/// The same as JSON with the tensors that are kept and why, as report_json().
std::string pruning_json(const PruneReport& report);

/// "12.5 %" of so many weights; none of none.
std::string share_text(std::uint64_t part, std::uint64_t all);

}  // namespace wquant
