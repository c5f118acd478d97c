#include "report/totals.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace wquant {
namespace {

void add_figures(Totals& totals, const Report& report, std::size_t index, double& rho_sum) {
  const auto codebook = [&](std::size_t i) -> const Codebook& {
    return report.tensors[i].codebook;
  };
  rho_sum += codebook(index).rho;
  if (!totals.lowest || codebook(index).rho < codebook(*totals.lowest).rho) totals.lowest = index;
  // With scales nothing is proven.
  if (std::isnan(codebook(index).gap)) return;
  if (!totals.largest_gap || codebook(index).gap > codebook(*totals.largest_gap).gap) {
    totals.largest_gap = index;
  }
}

}  // namespace

void TensorGroup::add(const TensorReport& tensor) {
  ++tensors;
  weights += tensor.info.count();
  original_bytes += tensor.info.bytes();
  bytes += tensor.bytes;
}

Totals totals_of(const Report& report) {
  Totals totals;
  double rho_sum = 0;
  for (std::size_t i = 0; i < report.tensors.size(); ++i) {
    const TensorReport& tensor = report.tensors[i];
    if (!tensor.same_as.empty()) {
      ++totals.tied;
      continue;
    }
    totals.all.add(tensor);
    (tensor.quantized ? totals.quantized : totals.kept).add(tensor);
    if (tensor.quantized && !report.dry_run) add_figures(totals, report, i, rho_sum);
  }
  if (totals.lowest) totals.mean_rho = rho_sum / static_cast<double>(totals.quantized.tensors);
  return totals;
}

std::string_view zeros_text(const TensorReport& tensor) {
  const Codebook& codebook = tensor.codebook;
  if (codebook.masked_code) return "mask";
  return std::ranges::find(codebook.levels, 0.0F) != codebook.levels.end() ? "level" : "";
}

double compression_ratio(std::uint64_t original_bytes, std::uint64_t bytes) {
  return bytes == 0 ? 0 : static_cast<double>(original_bytes) / static_cast<double>(bytes);
}

double bits_per_weight(std::uint64_t bytes, std::uint64_t weights) {
  return weights == 0 ? 0 : 8 * static_cast<double>(bytes) / static_cast<double>(weights);
}

bool has_coded(const Report& report) {
  return std::ranges::any_of(report.tensors, [](const TensorReport& tensor) {
    return tensor.quantized &&
           (tensor.settings.coding == Coding::kEntropy || tensor.codebook.masked_code);
  });
}

std::string mode_text(const TensorSettings& settings) {
  return settings.coding == Coding::kF16 ? std::string(name_of(settings.coding)) : settings.mode;
}

std::string bits_text(const TensorReport& tensor) {
  if (tensor.settings.coding != Coding::kEntropy) return std::to_string(width_of(tensor.settings));
  if (tensor.coded_bytes == 0) return "-";
  return fmt::format("{:.2f}", bits_per_weight(tensor.coded_bytes, tensor.info.count()));
}

}  // namespace wquant
