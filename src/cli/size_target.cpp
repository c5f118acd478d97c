#include "cli/size_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>

#include "base/text.h"
#include "base/usage.h"
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

void take(PlannedTensor& tensor, const Choice& choice) {
  tensor.levels = choice.levels;
  tensor.settings.step = choice.step;
  if (choice.bits > 0) tensor.settings.bits = choice.bits;
  if (choice.bits == 0 || choice.estimated) tensor.estimated_bytes = choice.bytes;
}

/// Gives every tensor what was chosen for it.
void take(Plan& plan, std::span<const Plan> variants, const Allocation& allocation) {
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const auto& choice = allocation.choices[plan.tensors[i].same_as.value_or(i)];
    if (!choice) continue;
    plan.tensors[i] = variants[choice->variant].tensors[i];
    take(plan.tensors[i], *choice);
  }
}

/// Throws Error (limit) when not even the fewest bits fit beside the rest of the file.
void check_least(std::span<const Ladder> ladders, std::uint64_t rest, std::uint64_t bytes) {
  std::uint64_t least = rest;
  for (const Ladder& ladder : ladders) least += ladder.empty() ? 0 : ladder.front().bytes;
  if (least <= bytes) return;
  throw Error(
      fmt::format("cannot be made as small as {} bytes: {} bytes is the least", bytes, least),
      "give a larger size, or quantize more of the tensors", ErrorKind::kLimit);
}

/// Bytes of the parts of quantized tensors of a plan.
std::uint64_t quantized_bytes(const Plan& plan) {
  std::uint64_t total = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    if (tensor.quantized) total += stored_size(tensor);
  }
  return total;
}

BudgetReport report_of(const Allocation& allocation, const Survey& survey, std::uint64_t part_bytes,
                       std::uint64_t bytes) {
  BudgetReport report = {bytes, allocation.error, allocation.gap, {}, 0};
  const auto uniform = uniform_allocation(survey.ladders, part_bytes);
  if (!uniform) return report;
  report.uniform_error = uniform->error;
  for (std::size_t i = 0; i < uniform->choices.size(); ++i) {
    if (survey.ladders[i].size() <= survey.variants.size()) continue;  // No choice of bits.
    const Choice& choice = *uniform->choices[i];
    if (choice.bits == 0) continue;  // Equal steps are not alike.
    report.uniform = survey.variants[choice.variant].tensors[i].settings;
    report.uniform->bits = choice.bits;
  }
  return report;
}

/// Drops what correlates less than the limit. Throws Error (limit) naming a tensor of which nothing
/// is left.
void require(Survey& survey, double correlation) {
  const double most = 1 - correlation * correlation;
  for (std::size_t i = 0; i < survey.ladders.size(); ++i) {
    Ladder& ladder = survey.ladders[i];
    if (ladder.empty()) continue;
    const auto least =
        std::min_element(ladder.begin(), ladder.end(),
                         [](const Choice& a, const Choice& b) { return a.error < b.error; });
    if (least->error > most) {
      Error error(fmt::format("correlates {:.9g} at most, where {} is the limit",
                              std::sqrt(1 - least->error), correlation),
                  "lower --min-correlation or keep it with --exclude", ErrorKind::kLimit);
      throw error.at_tensor(survey.variants.front().tensors[i].info.name);
    }
    std::erase_if(ladder, [&](const Choice& choice) { return choice.error > most; });
  }
}

/// Adds to each choice its share of what a file of its variant has more than the least.
void add_rests(Survey& survey, std::span<const std::uint64_t> rests) {
  const std::uint64_t least = *std::ranges::min_element(rests);
  const auto tensors = static_cast<std::uint64_t>(
      std::ranges::count_if(survey.ladders, [](const Ladder& ladder) { return !ladder.empty(); }));
  for (Ladder& ladder : survey.ladders) {
    for (Choice& choice : ladder) {
      choice.bytes += (rests[choice.variant] - least + tensors - 1) / tensors;
    }
    sort(ladder);
  }
}

Allocation fewest_bytes(std::span<const Ladder> ladders) {
  std::uint64_t bytes = 0;
  for (const Ladder& ladder : ladders) bytes += ladder.empty() ? 0 : ladder.front().bytes;
  return allocate(ladders, bytes);
}

}  // namespace

std::uint64_t target_bytes(const std::string& text, const ModelReader& model) {
  const auto original = static_cast<double>(contents_of(model).bytes);
  if (const auto times = number_before(text, "x")) return whole_bytes(original / *times);
  if (const auto percent = number_before(text, "%")) return whole_bytes(original * *percent / 100);
  if (const auto bytes = parse_bytes(text)) return *bytes;
  fail_usage(fmt::format("--target-size \"{}\" is no size", printable(text)),
             "write for example 6x, 35% or 4.2MB");
}

std::uint64_t target_bytes(double bits_a_weight, const ModelReader& model) {
  if (!(bits_a_weight > 0 && bits_a_weight <= 64)) {
    fail_usage(fmt::format("--avg-bits {} is no number of bits", bits_a_weight),
               "write for example 4.5");
  }
  return whole_bytes(bits_a_weight / 8 * static_cast<double>(contents_of(model).weights));
}

Survey survey_of(const QuantizedFormat& format, const QuantizedJob& job,
                 const QuantizeOptions& options) {
  Survey result;
  for (const Settings& settings : options.variants) {
    // F16 where nobody asked for it is a choice only where the file can hold it.
    const bool is_choice = options.variants.size() > 1 && settings.tensor.coding == Coding::kF16;
    if (is_choice && !format.takes_f16) continue;
    result.variants.push_back(make_plan(job.model, settings, format));
  }
  ProgressLine line(options.talk);
  result.ladders = survey(job.model, result.variants,
                          format.takes_f16 ? LevelDtypes::kF32OrF16 : LevelDtypes::kF32,
                          run_options(line, options.threads));
  if (options.min_correlation) require(result, *options.min_correlation);
  return result;
}

BudgetReport plan_for_size(const QuantizedFormat& format, const QuantizedJob& job,
                           const Survey& survey, Plan& plan, const SizeTarget& target) {
  const std::uint64_t bytes = target.bytes;
  const auto foreseen = [&] { return target.corrected(format.sizes(job).file_bytes); };
  // What is not parts of tensors depends on the variant, hardly on the bits.
  std::vector<std::uint64_t> rests;
  for (const Plan& variant : survey.variants) {
    plan = variant;
    rests.push_back(foreseen() - std::min(foreseen(), quantized_bytes(plan)));
  }
  Survey counted = survey;
  add_rests(counted, rests);
  std::uint64_t rest = *std::ranges::min_element(rests);
  for (;;) {
    check_least(counted.ladders, rest, bytes);
    const Allocation allocation = allocate(counted.ladders, bytes - rest);
    take(plan, survey.variants, allocation);
    const std::uint64_t size = foreseen();
    if (size <= bytes) return report_of(allocation, counted, bytes - rest, bytes);
    rest += size - bytes;
  }
}

bool SizeTarget::missed(std::uint64_t foreseen, std::uint64_t written) {
  // Estimates are good to a thousandth, so that one more try in either direction does.
  constexpr std::uint64_t kClose = 400, kMargin = 4000;
  constexpr int kMostTries = 8;
  if (bytes == 0 || foreseen == written) return false;
  const bool over = written > bytes;
  if (over && tries == kMostTries) {
    throw Error(fmt::format("became {} bytes where {} are asked for, {} times over", written, bytes,
                            tries + 1),
                "give a larger size, or coding fixed", ErrorKind::kLimit);
  }
  if (!over && (tries > 0 || written + bytes / kClose >= bytes)) return false;
  ++tries;
  correction = static_cast<std::int64_t>(written) - static_cast<std::int64_t>(foreseen) +
               static_cast<std::int64_t>(bytes / kMargin) * tries;
  return true;
}

BudgetReport plan_for_correlation(const Survey& survey, Plan& plan) {
  const Allocation allocation = fewest_bytes(survey.ladders);
  take(plan, survey.variants, allocation);
  return {0, allocation.error, 0, {}, 0};
}

bool raise(Survey& survey, const Plan& plan, const Report& report, double correlation) {
  bool raised = false;
  for (std::size_t i = 0; i < survey.ladders.size(); ++i) {
    Ladder& ladder = survey.ladders[i];
    if (ladder.empty() || report.tensors[i].codebook.rho >= correlation) continue;
    const std::uint64_t bytes = stored_size(plan.tensors[i]);
    Ladder larger = ladder;
    std::erase_if(larger, [&](const Choice& choice) { return choice.bytes <= bytes; });
    if (larger.empty()) continue;
    ladder = std::move(larger);
    raised = true;
  }
  return raised;
}

}  // namespace wquant
