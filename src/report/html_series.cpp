#include "report/html_series.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/totals.h"

namespace wquant {
namespace {

/// As many colours as the style sheet has.
constexpr std::size_t kColours = 6;

/// The settings that the command line spells, without bits: what is not usual is told.
std::string series_name(const ComparedSetting& setting) {
  const TensorSettings& own = setting.settings;
  const TensorSettings usual;
  std::string name = own.mode;
  if (own.granularity != usual.granularity) name += ", " + granularity_text(own);
  if (own.coding != usual.coding) name += fmt::format(", coding {}", name_of(own.coding));
  if (own.ratio_rule != usual.ratio_rule) name += ", ratio " + ratio_text(own);
  if (own.range != usual.range) name += fmt::format(", range {}", name_of(own.range));
  if (own.values != usual.values) name += fmt::format(", {}", name_of(own.values));
  if (own.rescale != usual.rescale) name += fmt::format(", rescale {}", name_of(own.rescale));
  if (own.zero != usual.zero) name += fmt::format(", zero {}", name_of(own.zero));
  if (own.balance != usual.balance) name += fmt::format(", balance {}", name_of(own.balance));
  return name;
}

}  // namespace

std::vector<Series> series_of(const std::vector<const ComparedSetting*>& settings) {
  std::vector<Series> all;
  for (const ComparedSetting* setting : settings) {
    const std::string name = series_name(*setting) + (setting->size.empty() ? "" : ", for a size");
    auto found = std::ranges::find(all, name, &Series::name);
    if (found == all.end()) found = all.insert(all.end(), {name, {}});
    found->settings.push_back(setting);
  }
  for (Series& series : all) {
    std::ranges::stable_sort(series.settings, {}, &ComparedSetting::file_bytes);
  }
  return all;
}

std::string series_class(std::size_t number) { return fmt::format("s{}", number % kColours + 1); }

std::string short_text(const ComparedSetting& setting) {
  if (!setting.size.empty()) return setting.size;
  return fmt::format("{} bit{}", setting.settings.bits, setting.settings.bits == 1 ? "" : "s");
}

double bits_a_weight(const ComparedSetting& setting, const Comparison& comparison) {
  return bits_per_weight(setting.file_bytes, comparison.weights);
}

}  // namespace wquant
