#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/setting_names.h"
#include "base/text.h"
#include "report/render.h"
#include "report/table.h"
#include "report/totals.h"

namespace wquant {
namespace {

constexpr std::size_t kShapeWidth = 20;
constexpr const char* kUnknown = "-";

std::string name_text(const TensorReport& tensor) {
  return printable(tensor.info.name, std::numeric_limits<std::size_t>::max());
}

std::string short_shape(const TensorInfo& info) {
  return elide(fmt::format("[{}]", fmt::join(info.shape, ",")), kShapeWidth);
}

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

std::vector<std::string> quantized_row(const TensorReport& tensor, bool dry_run) {
  const Codebook& codebook = tensor.codebook;
  const auto figure = [dry_run](std::string_view format, double value) {
    return dry_run ? std::string(kUnknown) : fmt::format(fmt::runtime(format), value);
  };
  const auto of_codes = [&](std::string_view format, double value) {
    const bool has_codes = tensor.settings.coding != Coding::kF16;
    return has_codes ? figure(format, value) : std::string(kUnknown);
  };
  return {name_text(tensor),
          short_shape(tensor.info),
          bits_text(tensor),
          mode_text(tensor.settings),
          of_codes("{:.3g}", codebook.x0),
          of_codes("{:.4g}", codebook.ratio),
          figure("{:.5f}", codebook.rho),
          figure("{:.3g}", tensor.relative_error),
          figure("{:.1f}", tensor.snr_db),
          of_codes("{:.2f}", tensor.entropy),
          byte_text(tensor.bytes),
          fmt::format("{:.1f}x", compression_ratio(tensor.info.bytes(), tensor.bytes))};
}

std::string quantized_table(const Report& report) {
  Table table({{"tensor", Align::kLeft},
               {"shape", Align::kLeft},
               {"bits"},
               {"mode", Align::kLeft},
               {"x0"},
               {"r"},
               {"rho"},
               {"rel.err"},
               {"SNR dB"},
               {"entropy"},
               {"bytes"},
               {"ratio"}});
  for (const TensorReport& tensor : report.tensors) {
    if (tensor.quantized && tensor.same_as.empty())
      table.add(quantized_row(tensor, report.dry_run));
  }
  return table.text();
}

std::string kept_table(const Report& report) {
  Table table({{"kept tensor", Align::kLeft},
               {"shape", Align::kLeft},
               {"dtype", Align::kLeft},
               {"bytes"},
               {"reason", Align::kLeft}});
  for (const TensorReport& tensor : report.tensors) {
    if (tensor.quantized || !tensor.same_as.empty()) continue;
    table.add({name_text(tensor), short_shape(tensor.info), std::string(name_of(tensor.info.dtype)),
               byte_text(tensor.bytes), tensor.kept_reason});
  }
  return table.text();
}

/// Every reason with the number of tensors and bytes kept for it.
std::string kept_reasons(const Report& report) {
  std::map<std::string_view, TensorGroup> groups;
  for (const TensorReport& tensor : report.tensors) {
    if (!tensor.quantized && tensor.same_as.empty()) groups[tensor.kept_reason].add(tensor);
  }
  std::string text;
  for (const auto& [reason, group] : groups) {
    text += fmt::format("              {}, {}: {}\n", plural(group.tensors, "tensor"),
                        byte_text(group.bytes), reason);
  }
  return text;
}

/// Every tied tensor with the one that it shares its parts with.
std::string tied_lines(const Report& report, std::size_t count) {
  if (count == 0) return {};
  std::string text = fmt::format("{:<13} {}, stored once\n", "tied", plural(count, "tensor"));
  for (const TensorReport& tensor : report.tensors) {
    if (tensor.same_as.empty()) continue;
    text +=
        fmt::format("              {} = {}\n", name_text(tensor), printable(tensor.same_as, 1000));
  }
  return text;
}

bool moves_any(const Report& report) {
  return std::any_of(report.tensors.begin(), report.tensors.end(),
                     [](const TensorReport& tensor) { return tensor.balance_figures.moved > 0; });
}

bool has_scales(const Report& report) {
  return std::any_of(report.tensors.begin(), report.tensors.end(),
                     [](const TensorReport& tensor) { return tensor.cells.has_scales(); });
}

std::string rho_lines(const Report& report, const Totals& totals) {
  if (!totals.mean_rho) return {};
  const TensorReport& lowest = report.tensors[*totals.lowest];
  std::string text =
      fmt::format("correlation   mean {:.5f}, lowest {:.5f} ({})\n", *totals.mean_rho,
                  lowest.codebook.rho, elide(name_text(lowest), 55));
  if (totals.largest_gap) {
    text += fmt::format(
        "certificate   no codebook of the mode correlates more than {:.2g} better{}{}\n",
        report.tensors[*totals.largest_gap].codebook.gap,
        moves_any(report) ? ", before balancing" : "",
        has_scales(report) ? ", where there are no scales" : "");
  }
  return text;
}

/// Who was balanced, by sets and axis, and who was not although that was asked for, with the
/// reason.
struct BalanceGroups {
  std::map<std::string, std::size_t> done, left;
  std::uint64_t weights = 0, moved = 0;
  double rho_before = 0, largest_before = 0, largest_after = 0;

  [[nodiscard]] std::size_t tensors() const {
    std::size_t sum = 0;
    for (const auto& [group, count] : done) sum += count;
    return sum;
  }
};

void add(BalanceGroups& groups, const TensorReport& tensor) {
  const BalancePlan& balance = tensor.balance;
  if (!balance.reason.empty()) ++groups.left[balance.reason];
  if (balance.sets == Balance::kOff) return;
  ++groups.done[fmt::format("{}s on axis {}", choice_name(kBalanceChoices, balance.sets),
                            balance.axis)];
  const BalanceFigures& figures = tensor.balance_figures;
  groups.weights += tensor.info.count();
  groups.moved += figures.moved;
  groups.rho_before += figures.rho_before;
  groups.largest_before = std::max(groups.largest_before, figures.largest_sum_before);
  groups.largest_after = std::max(groups.largest_after, figures.largest_sum_after);
}

std::string balance_figures(const BalanceGroups& groups) {
  return fmt::format(
      "              {} codes ({:.2f} %) moved, mean correlation before {:.5f}\n"
      "              largest error sum of a channel {:.3g} -> {:.3g}\n",
      grouped(groups.moved),
      100 * static_cast<double>(groups.moved) / static_cast<double>(groups.weights),
      groups.rho_before / static_cast<double>(groups.tensors()), groups.largest_before,
      groups.largest_after);
}

/// "balance  kernels on axis 0 of 7 tensors" and the like, a line each.
std::string balance_lines(const Report& report) {
  BalanceGroups groups;
  for (const TensorReport& tensor : report.tensors) {
    if (tensor.quantized) add(groups, tensor);
  }
  std::string text;
  const auto label = [&] { return text.empty() ? "balance" : ""; };
  for (const auto& [group, count] : groups.done) {
    text += fmt::format("{:<13} {} of {}\n", label(), group, plural(count, "tensor"));
  }
  if (!text.empty() && !report.dry_run) text += balance_figures(groups);
  for (const auto& [reason, count] : groups.left) {
    text += fmt::format("{:<13} not of {}: {}\n", label(), plural(count, "tensor"), reason);
  }
  return text;
}

/// "stay 0 in 3 tensors: 2 with a bit mask, 1 with a level"
std::string zeros_kept(std::size_t masks, std::size_t levels) {
  std::string forms;
  if (masks > 0) forms += fmt::format(" {} with a bit mask", masks);
  if (masks > 0 && levels > 0) forms += ",";
  if (levels > 0) forms += fmt::format(" {} with a level", levels);
  return fmt::format("stay 0 in {}:{}", plural(masks + levels, "tensor"), forms);
}

/// "zeros  stay 0 in 3 tensors: 2 with a bit mask, 1 with a level", and where they do not.
std::string zero_lines(const Report& report) {
  std::size_t masks = 0, levels = 0, lost = 0;
  for (const TensorReport& tensor : report.tensors) {
    masks += zeros_text(tensor) == "mask" ? 1 : 0;
    levels += zeros_text(tensor) == "level" ? 1 : 0;
    lost += tensor.loses_zeros ? 1 : 0;
  }
  std::string text;
  const auto add = [&](const std::string& line) {
    text += fmt::format("{:<13} {}\n", text.empty() ? "zeros" : "", line);
  };
  if (masks + levels > 0) add(zeros_kept(masks, levels));
  if (lost > 0) {
    add(fmt::format("lost in {}: 1 bit and --search exact have no level for them",
                    plural(lost, "tensor")));
  }
  return text;
}

/// "channels on axis 0", "groups of 64"
std::string cells_text(const CellPlan& cells) {
  return cells.granularity == Granularity::kChannel ? fmt::format("channels on axis {}", cells.axis)
                                                    : fmt::format("groups of {}", cells.run);
}

/// "scales  channels on axis 0 of 7 tensors" and the like, a line each.
std::string cells_lines(const Report& report) {
  std::map<std::string, std::size_t> done, left;
  for (const TensorReport& tensor : report.tensors) {
    if (!tensor.quantized) continue;
    if (!tensor.cells.reason.empty()) ++left[tensor.cells.reason];
    if (tensor.cells.has_scales()) ++done[cells_text(tensor.cells)];
  }
  std::string text;
  const auto label = [&] { return text.empty() ? "scales" : ""; };
  for (const auto& [group, count] : done) {
    text += fmt::format("{:<13} {} of {}\n", label(), group, plural(count, "tensor"));
  }
  for (const auto& [reason, count] : left) {
    text += fmt::format("{:<13} none in {}: {}\n", label(), plural(count, "tensor"), reason);
  }
  return text;
}

std::string budget_line(const Report& report) {
  if (!report.budget) return {};
  const BudgetReport& budget = *report.budget;
  std::string text = fmt::format(
      "budget        {}; sum of 1 - rho^2 {:.4g}, within {:.2g} of the least\n",
      budget.target_bytes == 0 ? "the least bytes for the correlation"
                               : fmt::format("at most {} bytes", grouped(budget.target_bytes)),
      budget.error, budget.gap);
  if (budget.uniform) {
    const bool has_scales = budget.uniform->granularity != Granularity::kTensor;
    text += fmt::format(
        "              {} bits of {} for all tensors{} would have given {:.4g}\n",
        budget.uniform->bits, budget.uniform->mode,
        has_scales ? fmt::format(", a scale each {},", granularity_text(*budget.uniform)) : "",
        budget.uniform_error);
  }
  return text;
}

std::string size_text(std::uint64_t original_bytes, std::uint64_t bytes) {
  return bytes <= original_bytes
             ? fmt::format("{:.2f} times smaller", compression_ratio(original_bytes, bytes))
             : fmt::format("{:.2f} times larger", compression_ratio(bytes, original_bytes));
}

/// Sizes of what is stored at its entropy are known only when it is written.
std::string_view size_is(const Report& report) {
  if (!report.dry_run || !has_coded(report)) return "";
  return report.budget ? "about " : "at most ";
}

std::string size_lines(const Report& report, const Totals& totals) {
  return fmt::format(
      "weights       {} in {} bytes -> file of {}{} bytes (header {})\n"
      "size          {}, {:.3f} bits a weight, everything counted\n",
      grouped(totals.all.weights), grouped(totals.all.original_bytes), size_is(report),
      grouped(report.file_bytes), grouped(report.header_bytes),
      size_text(totals.all.original_bytes, report.file_bytes),
      bits_per_weight(report.file_bytes, totals.all.weights));
}

std::string group_line(std::string_view label, const TensorGroup& group) {
  return fmt::format("{:<13} {}, {} -> {}\n", label, plural(group.tensors, "tensor"),
                     byte_text(group.original_bytes), byte_text(group.bytes));
}

std::string summary(const Report& report) {
  const Totals totals = totals_of(report);
  return group_line("quantized", totals.quantized) + group_line("kept", totals.kept) +
         kept_reasons(report) + tied_lines(report, totals.tied) + budget_line(report) +
         rho_lines(report, totals) + zero_lines(report) + cells_lines(report) +
         balance_lines(report) + size_lines(report, totals);
}

std::string file_lines(const Report& report) {
  std::string text;
  if (!report.output.empty()) {
    text += fmt::format("output        {}{}\n", printable(report.output, 1000),
                        report.dry_run ? " (dry run: not written)" : "");
  }
  return text;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string report_text(const Report& report, KeptTensors kept) {
  const Totals totals = totals_of(report);
  std::string text;
  if (totals.quantized.tensors > 0) text += quantized_table(report) + "\n";
  if (kept == KeptTensors::kListed && totals.kept.tensors > 0) text += kept_table(report) + "\n";
  return text + summary(report) + file_lines(report);
}

}  // namespace wquant
