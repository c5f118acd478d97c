#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "cli/compare_options.h"
#include "cli/size_target.h"
#include "wquant/compare.h"

namespace wquant {

/// What the rows that have a size need of the weights, from one survey for all of them; none for a
/// row that has none.
std::vector<std::optional<Survey>> surveys_of(const ModelReader& model,
                                              const CompareOptions& options);

/// All rows from one pass over the weights, and one more where there are sizes.
Comparison compare_rows(const ModelReader& model, const CompareOptions& options);

/// All rows as they are when they are written, with scores. Files and commands are gone when it
/// returns or throws.
Comparison evaluate_rows(const ModelReader& model, const CompareOptions& options);

/// Writes a row as quantize does.
Report write_row(const ModelReader& model, const QuantizeOptions& options,
                 std::optional<Survey> survey);

}  // namespace wquant
