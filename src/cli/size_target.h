#pragma once

#include <cstdint>
#include <string>

#include "cli/quantize_options.h"
#include "formats/quantized_output.h"

namespace wquant {

/// Bytes that the whole output may have: "6x" (times smaller than the tensors of the model), "35%"
/// of them, "4.2MB". Throws Error (usage).
std::uint64_t target_bytes(const std::string& text, const ModelReader& model);
/// The same for a number of bits a weight, everything counted.
std::uint64_t target_bytes(double bits_a_weight, const ModelReader& model);

/// Gives every tensor of the plan the number of bits with which the sum of 1 - rho^2 is least in a
/// file of at most `bytes`, and tells how. Reads the weights once. Throws Error (limit) naming the
/// smallest possible size when that is more.
BudgetReport plan_for_size(const QuantizedFormat& format, const QuantizedJob& job, Plan& plan,
                           std::uint64_t bytes, const QuantizeOptions& options);

}  // namespace wquant
