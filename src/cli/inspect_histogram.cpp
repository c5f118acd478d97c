#include "cli/inspect_histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "base/text.h"
#include "cli/terminal.h"
#include "report/bars.h"
#include "report/table.h"

namespace wquant {
namespace {

constexpr std::size_t kBins = 48;
constexpr double kDeviations = 4;

/// Adds finite numbers; the last bin holds its upper end too.
void add(Histogram& histogram, std::span<const double> numbers) {
  const double width = (histogram.high - histogram.low) / static_cast<double>(kBins);
  for (const double w : numbers) {
    if (!std::isfinite(w)) continue;
    if (w < histogram.low) {
      ++histogram.below;
    } else if (w > histogram.high) {
      ++histogram.above;
    } else {
      const double bin = width > 0 ? (w - histogram.low) / width : 0;
      ++histogram.counts[std::min(static_cast<std::size_t>(bin), kBins - 1)];
    }
  }
}

}  // namespace

Histogram tensor_histogram(const ModelReader& model, std::size_t index,
                           const Statistics& statistics) {
  const double reach = kDeviations * statistics.deviation;
  Histogram histogram;
  histogram.low = std::max(statistics.min, statistics.mean - reach);
  histogram.high = std::max(histogram.low, std::min(statistics.max, statistics.mean + reach));
  histogram.counts.resize(kBins);
  for_each_slab(model, index, [&](std::span<const double> slab) { add(histogram, slab); });
  return histogram;
}

void print_histograms(const ModelReader& model,
                      const std::vector<std::optional<Histogram>>& histograms) {
  const BarSet set = speaks_utf8() ? BarSet::kBlocks : BarSet::kAscii;
  Table table(
      {{"tensor", Align::kLeft}, {"from"}, {"histogram", Align::kLeft}, {"to"}, {"beyond"}});
  for (std::size_t i = 0; i < histograms.size(); ++i) {
    std::vector<std::string> row = {printable(model.tensors()[i].name)};
    if (const auto& histogram = histograms[i]) {
      row.insert(row.end(), {fmt::format("{:.3g}", histogram->low),
                             "|" + bars_text(histogram->counts, set) + "|",
                             fmt::format("{:.3g}", histogram->high),
                             fmt::format("{}", histogram->below + histogram->above)});
    }
    row.resize(5, "-");
    table.add(std::move(row));
  }
  print_result(table.text());
}

}  // namespace wquant
