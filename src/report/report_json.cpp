#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_text.h"
#include "base/setting_names.h"
#include "report/render.h"
#include "report/setting_members.h"
#include "report/totals.h"

namespace wquant {
namespace {

constexpr int kReportVersion = 1;
/// A quantized tensor takes about so many characters.
constexpr std::size_t kTensorText = 1200;

/// A figure that needs weights: null in a dry run.
template <typename T>
void add_figure(JsonWriter& json, std::string_view key, T value, bool dry_run) {
  json.member(key, dry_run ? std::optional<T>() : value);
}

void add_figures(JsonWriter& json, const TensorReport& tensor, bool dry_run) {
  const Codebook& codebook = tensor.codebook;
  const std::pair<std::string_view, double> figures[] = {
      {"x0", codebook.x0},
      {"ratio", codebook.ratio},
      {"scale", codebook.scale},
      {"rho", codebook.rho},
      {"gap", codebook.gap},
      {"relative_error_unscaled", codebook.relative_error_unscaled},
      {"relative_error", tensor.relative_error},
      {"snr_db", tensor.snr_db},
      {"max_error", tensor.max_error},
      {"entropy", tensor.entropy}};
  for (const auto& [key, value] : figures) add_figure(json, key, value, dry_run);
  if (tensor.coded_bytes > 0) {
    json.member("coded_bits", bits_per_weight(tensor.coded_bytes, tensor.info.count()));
    json.member("levels", std::uint64_t{codebook.levels.size()});
  }
}

void add_cells(JsonWriter& json, const TensorReport& tensor) {
  const CellPlan& cells = tensor.cells;
  json.member("granularity", choice_name(kGranularityChoices, cells.granularity));
  if (!cells.reason.empty()) json.member("granularity_reason", cells.reason);
  if (!cells.has_scales()) return;
  json.member("scales", cells.cells);
  json.member("run", cells.run);
  const bool has_axis = cells.granularity == Granularity::kChannel;
  if (has_axis && tensor.balance.sets == Balance::kOff) json.member("axis", cells.axis);
}

/// What balancing was done.
void add_balance(JsonWriter& json, const TensorReport& tensor, bool dry_run) {
  const BalancePlan& balance = tensor.balance;
  json.member("balance", choice_name(kBalanceChoices, balance.sets));
  if (!balance.reason.empty()) json.member("balance_reason", balance.reason);
  if (balance.sets == Balance::kOff) return;
  json.member("axis", balance.axis);
  const BalanceFigures& figures = tensor.balance_figures;
  add_figure(json, "moved", figures.moved, dry_run);
  add_figure(json, "rho_before", figures.rho_before, dry_run);
  add_figure(json, "largest_sum_before", figures.largest_sum_before, dry_run);
  add_figure(json, "largest_sum_after", figures.largest_sum_after, dry_run);
}

void add_tensor(JsonWriter& json, const TensorReport& tensor, bool dry_run) {
  json.open_object();
  json.member("name", tensor.info.name);
  json.array("shape", tensor.info.shape);
  json.member("dtype", name_of(tensor.info.dtype));
  json.member("quantized", tensor.quantized);
  json.member("kept_reason", tensor.quantized ? std::optional<std::string>() : tensor.kept_reason);
  if (!tensor.same_as.empty()) json.member("same_as", tensor.same_as);
  json.member("bytes", tensor.bytes);
  json.member("original_bytes", tensor.info.bytes());
  json.member("compression_ratio", compression_ratio(tensor.info.bytes(), tensor.bytes));
  if (tensor.quantized) {
    add_settings(json, tensor.settings);
    add_figures(json, tensor, dry_run);
    if (const auto zeros = zeros_text(tensor); !zeros.empty()) {
      json.member(fmt::format("zero_{}", zeros), true);
    }
    if (tensor.loses_zeros) json.member("zero_lost", true);
    add_cells(json, tensor);
    add_balance(json, tensor, dry_run);
  }
  json.close_object();
}

void add_group(JsonWriter& json, std::string_view key, const TensorGroup& group) {
  json.open_object(key);
  json.member("tensors", group.tensors);
  json.member("weights", group.weights);
  json.member("original_bytes", group.original_bytes);
  json.member("bytes", group.bytes);
  json.close_object();
}

void add_budget(JsonWriter& json, const BudgetReport& budget) {
  json.open_object("budget");
  json.member("target_bytes", budget.target_bytes);
  json.member("error", budget.error);
  json.member("gap", budget.gap);
  const TensorSettings uniform = budget.uniform.value_or(TensorSettings());
  json.member("uniform_bits", budget.uniform ? uniform.bits : 0);
  json.member("uniform_mode", uniform.mode);
  json.member("uniform_granularity", granularity_text(uniform));
  json.member("uniform_error", budget.uniform_error);
  json.close_object();
}

void add_totals(JsonWriter& json, const Report& report) {
  const Totals totals = totals_of(report);
  // A member of the tensor that an index names; null where there is none.
  const auto of = [&](const std::optional<std::size_t>& index, auto&& member) {
    return index ? std::optional(member(report.tensors[*index])) : std::nullopt;
  };
  json.open_object("totals");
  add_group(json, "quantized", totals.quantized);
  add_group(json, "kept", totals.kept);
  json.member("mean_rho", totals.mean_rho);
  json.member("lowest_rho", of(totals.lowest, [](const auto& t) { return t.codebook.rho; }));
  json.member("lowest_rho_tensor", of(totals.lowest, [](const auto& t) { return t.info.name; }));
  json.member("largest_gap", of(totals.largest_gap, [](const auto& t) { return t.codebook.gap; }));
  json.member("original_bytes", totals.all.original_bytes);
  json.member("header_bytes", report.header_bytes);
  json.member("file_bytes", report.file_bytes);
  json.member("file_bytes_known", !report.dry_run || !has_coded(report));
  json.member("compression_ratio", compression_ratio(totals.all.original_bytes, report.file_bytes));
  json.member("bits_per_weight", bits_per_weight(report.file_bytes, totals.all.weights));
  json.close_object();
}

}  // namespace

std::string report_json(const Report& report) {
  JsonWriter json(kTensorText * (report.tensors.size() + 1));
  json.open_object();
  json.member("report_version", kReportVersion);
  json.member("input", report.input);
  json.member("output", report.output);
  json.member("dry_run", report.dry_run);
  json.open_array("tensors");
  for (const TensorReport& tensor : report.tensors) add_tensor(json, tensor, report.dry_run);
  json.close_array();
  add_totals(json, report);
  if (report.budget) add_budget(json, *report.budget);
  json.close_object();
  return json.take();
}

}  // namespace wquant
