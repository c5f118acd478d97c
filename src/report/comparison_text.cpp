#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "base/setting_names.h"
#include "report/comparison.h"
#include "report/render.h"
#include "report/table.h"
#include "report/totals.h"

namespace wquant {
namespace {

/// What rows may be told apart by.
std::string coding_text(const ComparedSetting& setting) {
  return std::string(choice_name(kCodingChoices, setting.settings.coding));
}
std::string granularity_of(const ComparedSetting& setting) {
  return granularity_text(setting.settings);
}

/// Whether a text is the same for all settings.
template <typename F>
bool is_common(const Comparison& comparison, F&& text) {
  return std::ranges::all_of(comparison.settings, [&](const ComparedSetting& setting) {
    return text(setting) == text(comparison.settings.front());
  });
}

bool is_coded(const ComparedTensor& tensor) { return tensor.settings.coding == Coding::kEntropy; }

/// Bits that were chosen: the least and the most, or where they are no whole numbers the mean.
std::string chosen_bits(const Comparison& comparison, const ComparedSetting& setting) {
  const auto& tensors = setting.tensors;
  if (tensors.empty()) return "-";
  if (std::ranges::any_of(tensors, is_coded)) {
    std::uint64_t bytes = 0, weights = 0;
    for (const ComparedTensor& tensor : tensors) bytes += tensor.bytes;
    for (const TensorInfo& tensor : comparison.tensors) weights += tensor.count();
    return fmt::format("{:.2f}", bits_per_weight(bytes, weights));
  }
  const auto [least, most] = std::ranges::minmax(
      tensors, {}, [](const ComparedTensor& tensor) { return width_of(tensor.settings); });
  const int lower = width_of(least.settings);
  const int upper = width_of(most.settings);
  return lower == upper ? std::to_string(lower) : fmt::format("{}-{}", lower, upper);
}

/// Which columns there are.
class ComparisonTable {
 public:
  explicit ComparisonTable(const Comparison& comparison)
      : comparison_(comparison),
        sizes_(std::ranges::any_of(comparison.settings,
                                   [](const auto& setting) { return !setting.size.empty(); })),
        codings_(!is_common(comparison, coding_text)),
        granularities_(!is_common(comparison, granularity_of)),
        scores_(comparison.score.has_value()) {}

  [[nodiscard]] std::string text() const {
    Table table(columns());
    if (scores_) table.add(float_row());
    for (const ComparedSetting& setting : comparison_.settings) table.add(row(setting));
    return table.text();
  }

 private:
  [[nodiscard]] std::vector<Column> columns() const {
    std::vector<Column> all;
    if (sizes_) all.push_back({"size", Align::kLeft});
    all.push_back({"bits"});
    all.push_back({"mode", Align::kLeft});
    if (codings_) all.push_back({"coding", Align::kLeft});
    if (granularities_) all.push_back({"granularity", Align::kLeft});
    for (const auto* header : {"mean rho", "worst rho", "rel.err", "bytes", "ratio", "bits/w"}) {
      all.push_back({header});
    }
    if (scores_) all.push_back({"score"});
    return all;
  }

  [[nodiscard]] std::vector<std::string> row(const ComparedSetting& setting) const {
    std::vector<std::string> cells;
    if (sizes_) cells.push_back(setting.size.empty() ? "-" : setting.size);
    cells.push_back(setting.size.empty() ? std::to_string(width_of(setting.settings))
                                         : chosen_bits(comparison_, setting));
    cells.push_back(mode_text(setting.settings));
    if (codings_) cells.push_back(coding_text(setting));
    if (granularities_) cells.push_back(granularity_of(setting));
    const auto lowest = setting.lowest();
    cells.push_back(fmt::format("{:.5f}", setting.mean_rho()));
    cells.push_back(fmt::format("{:.5f}", lowest ? setting.tensors[*lowest].rho : 1));
    cells.push_back(fmt::format("{:.3g}", setting.mean_relative_error()));
    add_size(cells, setting.file_bytes, setting.file_bytes_known ? "" : "~");
    if (scores_) cells.push_back(score_text(setting.score));
    return cells;
  }

  [[nodiscard]] std::vector<std::string> float_row() const {
    std::vector<std::string> cells(columns().size() - 4);
    cells.front() = "float";
    add_size(cells, comparison_.bytes, "");
    cells.push_back(score_text(comparison_.score));
    return cells;
  }

  void add_size(std::vector<std::string>& cells, std::uint64_t bytes,
                std::string_view about) const {
    cells.push_back(fmt::format("{}{}", about, grouped(bytes)));
    cells.push_back(fmt::format("{:.2f}x", compression_ratio(comparison_.bytes, bytes)));
    cells.push_back(fmt::format("{:.3f}", bits_per_weight(bytes, comparison_.weights)));
  }

  static std::string score_text(const std::optional<double>& score) {
    return score ? fmt::format("{}", *score) : "-";
  }

  const Comparison& comparison_;
  const bool sizes_, codings_, granularities_, scores_;
};

/// What the figures are, where they are not those of a file.
std::string remarks(const Comparison& comparison) {
  const auto any = [&](auto&& is) { return std::ranges::any_of(comparison.settings, is); };
  std::string text;
  if (any([](const auto& setting) {
        return !setting.written && setting.settings.balance != Balance::kOff;
      })) {
    text += "figures       of nearest-level codes: balanced ones correlate some thousandths less\n";
  }
  if (any([](const auto& setting) {
        return !setting.written && setting.settings.granularity != Granularity::kTensor;
      })) {
    text += "scales        their figures are those of a sample of the weights\n";
  }
  if (any([](const auto& setting) { return !setting.file_bytes_known; })) {
    text +=
        "~             estimated: codes at their entropy or beside a mask are not counted but "
        "written\n";
  }
  return text;
}

std::string best_line(const Comparison& comparison) {
  if (!comparison.best) return {};
  const ComparedSetting& best = comparison.settings[*comparison.best];
  return fmt::format("best          {}: the smallest that holds the score, {} bytes\n",
                     setting_text(best), grouped(best.file_bytes));
}

}  // namespace

std::string setting_text(const ComparedSetting& setting) {
  const TensorSettings& settings = setting.settings;
  if (settings.coding == Coding::kF16) return "F16";
  std::string text = setting.size.empty() ? fmt::format("{} bits", settings.bits) : setting.size;
  text += " of " + settings.mode;
  if (settings.coding != Coding::kFixed) text += fmt::format(", coding {}", coding_text(setting));
  if (settings.granularity != Granularity::kTensor) {
    text += fmt::format(", a scale each {}", granularity_of(setting));
  }
  return text;
}

std::string comparison_text(const Comparison& comparison) {
  return ComparisonTable(comparison).text() +
         fmt::format("\nweights       {} in {} bytes, tensors quantized: {}\n",
                     grouped(comparison.weights), grouped(comparison.bytes),
                     grouped(comparison.tensors.size())) +
         remarks(comparison) + best_line(comparison);
}

}  // namespace wquant
