#include <nlohmann/json.hpp>
#include <string>

#include "base/setting_names.h"
#include "report/render.h"
#include "report/totals.h"

namespace wquant {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kReportVersion = 1;

void add_settings(Json& json, const TensorSettings& settings) {
  json["coding"] = choice_name(kCodingChoices, settings.coding);
  json["bits"] = settings.coding == Coding::kFixed ? Json(settings.bits) : Json();
  json["mode"] = settings.mode;
  json["values"] = choice_name(kValuesChoices, settings.values);
  json["rescale"] = choice_name(kRescaleChoices, settings.rescale);
  json["ratio_rule"] = choice_name(kRatioRuleChoices, settings.ratio_rule);
  json["range"] = choice_name(kRangeChoices, settings.range);
  json["search"] = choice_name(kSearchChoices, settings.search);
}

/// The figures that need weights; null in a dry run and where they are not finite.
void add_figures(Json& json, const TensorReport& tensor, bool dry_run) {
  const Codebook& codebook = tensor.codebook;
  const std::pair<const char*, double> figures[] = {
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
  for (const auto& [key, value] : figures) json[key] = dry_run ? Json() : Json(value);
  if (tensor.coded_bytes > 0) {
    json["coded_bits"] = bits_per_weight(tensor.coded_bytes, tensor.info.count());
    json["levels"] = codebook.levels.size();
  }
}

void add_cells(Json& json, const CellPlan& cells) {
  json["granularity"] = choice_name(kGranularityChoices, cells.granularity);
  if (!cells.reason.empty()) json["granularity_reason"] = cells.reason;
  if (!cells.has_scales()) return;
  json["scales"] = cells.cells;
  json["run"] = cells.run;
  if (cells.granularity == Granularity::kChannel) json["axis"] = cells.axis;
}

/// What balancing was done; its figures are null in a dry run.
void add_balance(Json& json, const TensorReport& tensor, bool dry_run) {
  const BalancePlan& balance = tensor.balance;
  json["balance"] = choice_name(kBalanceChoices, balance.sets);
  if (!balance.reason.empty()) json["balance_reason"] = balance.reason;
  if (balance.sets == Balance::kOff) return;
  const BalanceFigures& figures = tensor.balance_figures;
  const auto figure = [&](auto value) { return dry_run ? Json() : Json(value); };
  json["axis"] = balance.axis;
  json["moved"] = figure(figures.moved);
  json["rho_before"] = figure(figures.rho_before);
  json["largest_sum_before"] = figure(figures.largest_sum_before);
  json["largest_sum_after"] = figure(figures.largest_sum_after);
}

Json tensor_json(const TensorReport& tensor, bool dry_run) {
  Json json;
  json["name"] = tensor.info.name;
  json["shape"] = tensor.info.shape;
  json["dtype"] = name_of(tensor.info.dtype);
  json["quantized"] = tensor.quantized;
  json["kept_reason"] = tensor.quantized ? Json() : Json(tensor.kept_reason);
  if (!tensor.same_as.empty()) json["same_as"] = tensor.same_as;
  json["bytes"] = tensor.bytes;
  json["original_bytes"] = tensor.info.bytes();
  json["compression_ratio"] = compression_ratio(tensor.info.bytes(), tensor.bytes);
  if (!tensor.quantized) return json;
  add_settings(json, tensor.settings);
  add_figures(json, tensor, dry_run);
  add_cells(json, tensor.cells);
  add_balance(json, tensor, dry_run);
  return json;
}

Json group_json(const TensorGroup& group) {
  return {{"tensors", group.tensors},
          {"weights", group.weights},
          {"original_bytes", group.original_bytes},
          {"bytes", group.bytes}};
}

Json budget_json(const BudgetReport& budget) {
  return {{"target_bytes", budget.target_bytes},
          {"error", budget.error},
          {"gap", budget.gap},
          {"uniform_bits", budget.uniform_bits},
          {"uniform_mode", budget.uniform.mode},
          {"uniform_granularity", granularity_text(budget.uniform)},
          {"uniform_error", budget.uniform_error}};
}

Json totals_json(const Report& report) {
  const Totals totals = totals_of(report);
  const auto name = [&](const auto& index) {
    return index ? Json(report.tensors[*index].info.name) : Json();
  };
  Json json;
  json["quantized"] = group_json(totals.quantized);
  json["kept"] = group_json(totals.kept);
  json["mean_rho"] = totals.mean_rho ? Json(*totals.mean_rho) : Json();
  json["lowest_rho"] = totals.lowest ? Json(report.tensors[*totals.lowest].codebook.rho) : Json();
  json["lowest_rho_tensor"] = name(totals.lowest);
  json["largest_gap"] =
      totals.largest_gap ? Json(report.tensors[*totals.largest_gap].codebook.gap) : Json();
  json["original_bytes"] = totals.all.original_bytes;
  json["header_bytes"] = report.header_bytes;
  json["file_bytes"] = report.file_bytes;
  json["file_bytes_known"] = !report.dry_run || !has_coded(report);
  json["compression_ratio"] = compression_ratio(totals.all.original_bytes, report.file_bytes);
  json["bits_per_weight"] = bits_per_weight(report.file_bytes, totals.all.weights);
  return json;
}

}  // namespace

std::string json_document(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json report_value(const Report& report) {
  Json json;
  json["report_version"] = kReportVersion;
  json["input"] = report.input;
  json["output"] = report.output;
  json["dry_run"] = report.dry_run;
  json["tensors"] = Json::array();
  for (const TensorReport& tensor : report.tensors) {
    json["tensors"].push_back(tensor_json(tensor, report.dry_run));
  }
  json["totals"] = totals_json(report);
  if (report.budget) json["budget"] = budget_json(*report.budget);
  return json;
}

std::string report_json(const Report& report) { return json_document(report_value(report)); }

}  // namespace wquant
