#include "cli/size_target.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "base/number.h"
#include "base/text.h"
#include "cli/terminal.h"
#include "wquant/budget.h"
#include "wquant/error.h"

namespace wquant {
namespace {

std::uint64_t original_bytes(const ModelReader& model) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    if (model.same_as(i) == i) total += model.tensors()[i].bytes();
  }
  return total;
}

std::uint64_t weights_of(const ModelReader& model) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    if (model.same_as(i) == i) total += model.tensors()[i].count();
  }
  return total;
}

std::optional<double> number_before(std::string_view text, std::string_view unit) {
  if (!text.ends_with(unit)) return {};
  text.remove_suffix(unit.size());
  if (text.ends_with(' ')) text.remove_suffix(1);
  const std::optional<double> number = parse_number<double>(text);
  return number && *number > 0 && std::isfinite(*number) ? number : std::nullopt;
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

[[noreturn]] void fail_small(std::uint64_t bytes, std::uint64_t least) {
  throw Error(
      fmt::format("cannot be made as small as {} bytes: {} bytes is the least", bytes, least),
      "give a larger size, or quantize more of the tensors", ErrorKind::kLimit);
}

}  // namespace

std::uint64_t target_bytes(const std::string& text, const ModelReader& model) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr std::array<Unit, 5> kUnits = {
      {{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}};
  const auto original = static_cast<double>(original_bytes(model));
  if (const auto times = number_before(text, "x")) return whole_bytes(original / *times);
  if (const auto percent = number_before(text, "%")) return whole_bytes(original * *percent / 100);
  for (const Unit& unit : kUnits) {
    if (const auto number = number_before(text, unit.name))
      return whole_bytes(*number * unit.bytes);
  }
  throw Error(fmt::format("--target-size \"{}\" is no size", printable(text)),
              "write for example 6x, 35% or 4.2MB", ErrorKind::kUsage);
}

std::uint64_t target_bytes(double bits_a_weight, const ModelReader& model) {
  if (!(bits_a_weight > 0 && bits_a_weight <= 64)) {
    throw Error(fmt::format("--avg-bits {} is no number of bits", bits_a_weight),
                "write for example 4.5", ErrorKind::kUsage);
  }
  return whole_bytes(bits_a_weight / 8 * static_cast<double>(weights_of(model)));
}

BudgetReport plan_for_size(const QuantizedFormat& format, const QuantizedJob& job, Plan& plan,
                           std::uint64_t bytes, const QuantizeOptions& options) {
  std::vector<BitLadder> ladders;
  {
    ProgressLine line(options.talk);
    ladders = survey_bits(job.model, plan, run_options(line, options.threads));
  }
  // What is not codes and levels hardly depends on the bits; it is measured until it fits.
  const auto parts = [&] {
    std::uint64_t total = 0;
    for (const PlannedTensor& tensor : plan.tensors) {
      if (tensor.quantized) total += stored_size(tensor);
    }
    return total;
  };
  set_bits(plan, allocate_bits(ladders, ~std::uint64_t{0}));
  std::uint64_t rest = format.sizes(job).file_bytes - parts();
  for (;;) {
    if (rest > bytes) fail_small(bytes, rest);
    BitAllocation allocation;
    try {
      allocation = allocate_bits(ladders, bytes - rest);
    } catch (const Error&) {
      std::uint64_t least = rest;
      for (const BitLadder& ladder : ladders) least += ladder.empty() ? 0 : ladder.front().bytes;
      fail_small(bytes, least);
    }
    set_bits(plan, allocation);
    const std::uint64_t size = format.sizes(job).file_bytes;
    if (size <= bytes) {
      const BitAllocation uniform = uniform_bits(ladders, bytes - rest);
      BudgetReport report;
      report.target_bytes = bytes;
      report.error = allocation.error;
      report.gap = allocation.gap;
      for (std::size_t i = 0; i < uniform.bits.size(); ++i) {
        if (ladders[i].size() > 1) report.uniform_bits = uniform.bits[i];
      }
      report.uniform_error = uniform.error;
      return report;
    }
    rest += size - bytes;
  }
}

}  // namespace wquant
