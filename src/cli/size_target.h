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
Survey survey_of(const QuantizedFormat& format, const QuantizedJob& job,
                 const QuantizeOptions& options);

/// The size that a file shall have, and what was learnt of it.
struct SizeTarget {
  std::uint64_t bytes = 0;      ///< At most; 0: no size is asked for.
  std::int64_t correction = 0;  ///< By which a file becomes larger than it is foreseen to be.
  int tries = 0;                ///< That missed.

  [[nodiscard]] std::uint64_t corrected(std::uint64_t size) const {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(size) + correction);
  }
  /// Whether the file should be planned anew, since it became too large, or, which is seen to once,
  /// much smaller than it may be: sizes of codes that are stored at their entropy are estimates.
  /// Throws Error (limit) for a file that is too large however often it was planned.
  bool missed(std::uint64_t foreseen, std::uint64_t written);
};

/// Gives every tensor of the plan, which is that of the job, the bits and variant with which the
/// sum of 1 - rho^2 is least in a file of the target's size, and tells how. Throws Error (limit)
/// naming the smallest possible size when that is more.
BudgetReport plan_for_size(const QuantizedFormat& format, const QuantizedJob& job,
                           const Survey& survey, Plan& plan, const SizeTarget& target);

/// The same with the fewest bytes that the survey has left.
BudgetReport plan_for_correlation(const Survey& survey, Plan& plan);

/// Leaves only more bytes to tensors that became worse than the limit, because balancing took of
/// their correlation. False when none is left to raise.
bool raise(Survey& survey, const Plan& plan, const Report& report, double correlation);

}  // namespace wquant
