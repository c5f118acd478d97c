#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "report/html.h"
#include "report/html_overview.h"
#include "report/html_tensor.h"
#include "report/html_text.h"
#include "report/render.h"
#include "report/totals.h"

namespace wquant {
namespace {

/// So few tensors are shown unfolded.
constexpr std::size_t kOpenTensors = 6;
/// Bytes of a path.
constexpr std::size_t kPathLimit = 1000;

std::string file_name(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  return name.empty() ? path : name;
}

/// "3 bits, exp" where all tensors have the same, "2 to 6 bits, exp, linear" else.
std::string settings_text(const std::vector<const TensorReport*>& tensors) {
  if (tensors.empty()) return "nothing";
  std::set<std::string> modes;
  for (const TensorReport* tensor : tensors) modes.insert(mode_text(tensor->settings));
  const auto [low, high] = std::ranges::minmax_element(
      tensors, {}, [](const TensorReport* tensor) { return code_bits(*tensor); });
  const std::string bits = code_bits(**low) < code_bits(**high)
                               ? fmt::format("{} to {}", bits_text(**low), bits_text(**high))
                               : bits_text(**low);
  return fmt::format("{} bits, {}", bits, fmt::join(modes, ", "));
}

std::string head_html(const Report& report, const std::vector<const TensorReport*>& tensors) {
  return fmt::format("<header>\n<h1>{} in {}</h1>\n<p>{} → {}</p>\n",
                     html_name(file_name(report.input)), html_text(settings_text(tensors)),
                     html_name(report.input, kPathLimit), html_name(report.output, kPathLimit));
}

std::string totals_html(const Report& report, const Totals& totals) {
  std::vector<Tile> tiles = {
      {fmt::format("{:.2f}x", compression_ratio(totals.all.original_bytes, report.file_bytes)),
       "smaller, everything counted"},
      {byte_text(report.file_bytes),
       fmt::format("file; {} before", byte_text(totals.all.original_bytes))},
      {fmt::format("{:.3f} bits", bits_per_weight(report.file_bytes, totals.all.weights)),
       fmt::format("a weight, of {} weights", grouped(totals.all.weights))},
      {fmt::format("{} of {}", grouped(totals.quantized.tensors), grouped(totals.all.tensors)),
       "tensors quantized"}};
  if (totals.mean_rho) {
    const TensorReport& lowest = report.tensors[*totals.lowest];
    tiles.push_back({fmt::format("{:.5f}", *totals.mean_rho), "mean correlation ρ"});
    tiles.push_back(
        {fmt::format("{:.5f}", lowest.codebook.rho), "lowest, " + html_name(lowest.info.name, 60)});
  }
  return tiles_html(tiles);
}

std::string budget_html(const Report& report) {
  if (!report.budget) return {};
  const BudgetReport& budget = *report.budget;
  return fmt::format(
      "<p class=\"note\">Bits were chosen for {}: the sum of 1 − ρ² over the tensors is {:.4g}, "
      "within {:.2g} of the least possible.</p>\n",
      budget.target_bytes == 0 ? "the least bytes that the correlation allows"
                               : fmt::format("at most {} bytes", grouped(budget.target_bytes)),
      budget.error, budget.gap);
}

std::string tensors_html(const std::vector<const TensorReport*>& tensors) {
  if (tensors.empty()) return {};
  std::string out = "<section>\n<h2>Tensors</h2>\n" + tensor_head_html();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    out += tensor_html(*tensors[i], i + 1, tensors.size() <= kOpenTensors);
  }
  return out + "</section>\n";
}

std::string kept_html(const Report& report, const Totals& totals) {
  if (totals.kept.tensors == 0) return {};
  std::string rows;
  for (const TensorReport& tensor : report.tensors) {
    if (tensor.quantized || !tensor.same_as.empty()) continue;
    rows += fmt::format(
        "<tr><td class=\"name\">{}</td><td>{}</td><td>{}</td><td>{}</td>"
        "<td class=\"name\">{}</td></tr>\n",
        html_name(tensor.info.name), html_text(shape_text(tensor.info.shape)),
        name_of(tensor.info.dtype), byte_text(tensor.bytes), html_text(tensor.kept_reason));
  }
  return fmt::format(
      "<section>\n<h2>Kept as they are</h2>\n<details><summary class=\"kept\">{} of {}</summary>\n"
      "<div class=\"scroll\"><table>\n<tr><th class=\"name\">tensor</th><th>shape</th><th>type</th>"
      "<th>bytes</th><th class=\"name\">why</th></tr>\n{}</table></div></details>\n</section>\n",
      totals.kept.tensors == 1 ? "1 tensor" : grouped(totals.kept.tensors) + " tensors",
      byte_text(totals.kept.bytes), rows);
}

std::string tied_html(const Report& report, const Totals& totals) {
  if (totals.tied == 0) return {};
  std::string lines;
  for (const TensorReport& tensor : report.tensors) {
    if (tensor.same_as.empty()) continue;
    lines +=
        fmt::format("<p>{} = {}</p>\n", html_name(tensor.info.name), html_name(tensor.same_as));
  }
  return "<section>\n<h2>Tied, stored once</h2>\n" + lines + "</section>\n";
}

}  // namespace

std::string report_html(const Report& report) {
  const std::vector<const TensorReport*> tensors = shown_tensors(report);
  const Totals totals = totals_of(report);
  return page_html(file_name(report.input) + " – wquant",
                   head_html(report, tensors) + totals_html(report, totals) + budget_html(report) +
                       "</header>\n" + overview_html(tensors) + tensors_html(tensors) +
                       kept_html(report, totals) + tied_html(report, totals));
}

}  // namespace wquant
