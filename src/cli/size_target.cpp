#include "cli/size_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "base/text.h"
#include "cli/sizes.h"
#include "cli/terminal.h"
#include "wquant/budget.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// What the model's file holds, tied tensors once.
struct Contents {
  std::uint64_t weights = 0, bytes = 0;
};

Contents contents_of(const ModelReader& model) {
  Contents all;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    if (model.same_as(i) != i) continue;
    all.weights += model.tensors()[i].count();
    all.bytes += model.tensors()[i].bytes();
  }
  return all;
}

std::uint64_t whole_bytes(double bytes) {
  constexpr double kMost = 9e18;
  return static_cast<std::uint64_t>(std::min(bytes, kMost));
}

void set_bits(Plan& plan, const BitAllocation& allocation) {
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    PlannedTensor& tensor = plan.tensors[i];
    if (!tensor.quantized) continue;
    tensor.settings.bits = allocation.bits[tensor.same_as.value_or(i)];
  }
}

/// Throws Error (limit) when not even the fewest bits fit beside the rest of the file.
void check_least(std::span<const BitLadder> ladders, std::uint64_t rest, std::uint64_t bytes) {
  std::uint64_t least = rest;
  for (const BitLadder& ladder : ladders) least += ladder.empty() ? 0 : ladder.front().bytes;
  if (least <= bytes) return;
  throw Error(
      fmt::format("cannot be made as small as {} bytes: {} bytes is the least", bytes, least),
      "give a larger size, or quantize more of the tensors", ErrorKind::kLimit);
}

/// Bytes of the codes and levels of a plan.
std::uint64_t quantized_bytes(const Plan& plan) {
  std::uint64_t total = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    if (tensor.quantized) total += stored_size(tensor);
  }
  return total;
}

BudgetReport report_of(const BitAllocation& allocation, std::span<const BitLadder> ladders,
                       std::uint64_t part_bytes, std::uint64_t bytes) {
  const BitAllocation uniform = uniform_bits(ladders, part_bytes);
  BudgetReport report = {bytes, allocation.error, allocation.gap, 0, uniform.error};
  for (std::size_t i = 0; i < uniform.bits.size(); ++i) {
    if (ladders[i].size() > 1) report.uniform_bits = uniform.bits[i];
  }
  return report;
}

std::vector<BitLadder> survey(const QuantizedJob& job, const QuantizeOptions& options) {
  ProgressLine line(options.talk);
  return survey_bits(job.model, job.plan, run_options(line, options.threads));
}

}  // namespace

std::uint64_t target_bytes(const std::string& text, const ModelReader& model) {
  const auto original = static_cast<double>(contents_of(model).bytes);
  if (const auto times = number_before(text, "x")) return whole_bytes(original / *times);
  if (const auto percent = number_before(text, "%")) return whole_bytes(original * *percent / 100);
  if (const auto bytes = parse_bytes(text)) return *bytes;
  throw Error(fmt::format("--target-size \"{}\" is no size", printable(text)),
              "write for example 6x, 35% or 4.2MB", ErrorKind::kUsage);
}

std::uint64_t target_bytes(double bits_a_weight, const ModelReader& model) {
  if (!(bits_a_weight > 0 && bits_a_weight <= 64)) {
    throw Error(fmt::format("--avg-bits {} is no number of bits", bits_a_weight),
                "write for example 4.5", ErrorKind::kUsage);
  }
  return whole_bytes(bits_a_weight / 8 * static_cast<double>(contents_of(model).weights));
}

BudgetReport plan_for_size(const QuantizedFormat& format, const QuantizedJob& job, Plan& plan,
                           std::uint64_t bytes, const QuantizeOptions& options) {
  const std::vector<BitLadder> ladders = survey(job, options);
  // What is not codes and levels hardly depends on the bits: it is measured until all fits.
  std::uint64_t rest = format.sizes(job).file_bytes - quantized_bytes(plan);
  for (;;) {
    check_least(ladders, rest, bytes);
    const BitAllocation allocation = allocate_bits(ladders, bytes - rest);
    set_bits(plan, allocation);
    const std::uint64_t size = format.sizes(job).file_bytes;
    if (size <= bytes) return report_of(allocation, ladders, bytes - rest, bytes);
    rest += size - bytes;
  }
}

}  // namespace wquant
