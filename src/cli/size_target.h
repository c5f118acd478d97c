#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/quantize_options.h"
#include "formats/quantized_output.h"
#include "wquant/budget.h"

namespace wquant {

/// Bytes that the whole output may have: "6x" (times smaller than the tensors of the model), "35%"
/// of them, "4.2MB". Throws Error (usage).
std::uint64_t target_bytes(const std::string& text, const ModelReader& model);
/// The same for a number of bits a weight, everything counted.
std::uint64_t target_bytes(double bits_a_weight, const ModelReader& model);

/// What every tensor may become, and at what cost.
struct Survey {
  std::vector<Plan> variants;  ///< Of QuantizeOptions::variants.
  std::vector<Ladder> ladders;
};

/// Reads the weights. Leaves out what correlates less than --min-correlation; throws Error (limit)
/// naming a tensor of which nothing is left.
Survey survey_of(const QuantizedJob& job, const QuantizeOptions& options);

/// Gives every tensor of the plan, which is that of the job, the bits and variant with which the
/// sum of 1 - rho^2 is least in a file of at most `bytes`, and tells how. Throws Error (limit)
/// naming the smallest possible size when that is more.
BudgetReport plan_for_size(const QuantizedFormat& format, const QuantizedJob& job,
                           const Survey& survey, Plan& plan, std::uint64_t bytes);

/// The same with the fewest bytes that the survey has left.
BudgetReport plan_for_correlation(const Survey& survey, Plan& plan);

/// Leaves only more bytes to tensors that became worse than the limit, because balancing took of
/// their correlation. False when none is left to raise.
bool raise(Survey& survey, const Plan& plan, const Report& report, double correlation);

}  // namespace wquant
