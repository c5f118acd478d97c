#include "hopfield_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "chart.h"
#include "hopfield.h"
#include "markdown.h"
#include "partitions.h"
#include "unit/layers.h"
#include "unit/quantized.h"

namespace wquant::papers {
namespace {

constexpr std::uint64_t kSeed = 3;
constexpr int kRandomStates = 200;
constexpr float kNoise = 0.1F;
constexpr int kMaxBits = 6;
constexpr int kFloatBits = 32;

/// A network, and what it is asked.
struct Trial {
  States patterns, starts, random;
  Connections connections;
  std::vector<float> triangle;

  Trial(const HopfieldSize& size, int network) {
    sample::Random generator(kSeed + static_cast<std::uint64_t>(network));
    patterns = random_states(size.neurons, size.patterns, generator);
    starts = disturbed(patterns, kNoise, generator);
    random = random_states(size.neurons, kRandomStates, generator);
    connections = hebb(patterns);
    triangle = upper_triangle(connections);
  }
};

HopfieldRow unchanged(const Trial& trial) {
  return {"none", kFloatBits, 1,
          0,      0,          retrieval_error(trial.connections, trial.starts, trial.patterns)};
}

HopfieldRow measure(const Trial& trial, const Reading& reading, int bits) {
  TensorSettings settings;
  wquant::apply(settings, reading.settings + ",zero=off");
  settings.bits = bits;
  const Codebook book = fit_codebook(trial.triangle, settings);
  const std::vector<double> values = testing_layers::quantized(trial.triangle, book);
  const std::vector<float> triangle(values.begin(), values.end());
  const Connections changed = from_triangle(triangle, trial.patterns.rows());
  return {reading.name,
          bits,
          book.rho,
          sign_changes(trial.connections, changed, trial.random),
          sign_changes(trial.connections, changed, trial.patterns),
          retrieval_error(changed, trial.starts, trial.patterns)};
}

std::vector<HopfieldRow> measure(const Trial& trial) {
  std::vector<HopfieldRow> rows = {unchanged(trial)};
  for (int bits = 1; bits <= kMaxBits; ++bits) {
    for (const Reading& reading : readings()) {
      rows.push_back(measure(trial, reading, bits));
      if (bits == 1) break;  // All readings are one then.
    }
  }
  return rows;
}

void add(HopfieldRow& sum, const HopfieldRow& row, double factor) {
  sum.rho += factor * row.rho;
  sum.changed += factor * row.changed;
  sum.changed_stored += factor * row.changed_stored;
  sum.wrong += factor * row.wrong;
}

/// The place of each value in ascending order; equal ones share the middle of theirs.
std::vector<float> ranks(const std::vector<double>& values) {
  std::vector<float> ranks;
  for (const double value : values) {
    const auto below = std::ranges::count_if(values, [&](double v) { return v < value; });
    const auto equal = std::ranges::count(values, value);
    ranks.push_back(static_cast<float>(below) + static_cast<float>(equal) / 2);
  }
  return ranks;
}

/// Spearman's, of rho and the errors.
double rank_correlation(std::span<const HopfieldRow> rows) {
  std::vector<double> rho, wrong;
  for (const HopfieldRow& row : rows) {
    rho.push_back(row.rho);
    wrong.push_back(row.wrong);
  }
  const std::vector<float> order = ranks(wrong);
  return testing_layers::correlation(ranks(rho), {order.begin(), order.end()});
}

/// Those that turn at least a fiftieth of the signs.
std::vector<HopfieldRow> coarse(std::span<const HopfieldRow> rows) {
  std::vector<HopfieldRow> kept;
  for (const HopfieldRow& row : rows) {
    if (row.changed >= 0.02) kept.push_back(row);
  }
  return kept;
}

double largest_deviation(std::span<const HopfieldRow> rows) {
  double largest = 0;
  for (const HopfieldRow& row : rows) {
    largest = std::max(largest, std::fabs(row.changed - expected_changes(row.rho)));
  }
  return largest;
}

std::string percent(double share) { return fmt::format("{:.3f}", 100 * share); }

std::string table_of(std::span<const HopfieldRow> rows) {
  Table table({"bits", "partition", "rho", "changed signs, %", "arccos(rho)/pi, %",
               "at stored patterns, %", "wrong after retrieval, %"});
  for (const HopfieldRow& row : rows) {
    table.add({fmt::format("{}", row.bits), row.name, fmt::format("{:.5f}", row.rho),
               percent(row.changed), percent(expected_changes(row.rho)),
               percent(row.changed_stored), percent(row.wrong)});
  }
  return table.text();
}

/// Errors of several numbers of patterns about that of `size`, a row each.
std::string load_table(HopfieldSize size) {
  Cells heading = {"patterns", "float"};
  for (int bits = 1; bits <= kMaxBits; ++bits) heading.push_back(fmt::format("{}", bits));
  Table table(heading);
  const int middle = size.patterns;
  for (const int percents : {50, 67, 83, 100, 117}) {
    size.patterns = middle * percents / 100 | 1;
    std::vector<double> wrong(kMaxBits + 1);
    for (int network = 0; network < size.networks; ++network) {
      const Trial trial(size, network);
      wrong[0] += unchanged(trial).wrong / size.networks;
      for (int bits = 1; bits <= kMaxBits; ++bits) {
        wrong[static_cast<std::size_t>(bits)] +=
            measure(trial, readings()[kExpSearched], bits).wrong / size.networks;
      }
    }
    Cells cells = {fmt::format("{}", size.patterns)};
    for (const double share : wrong) cells.push_back(percent(share));
    table.add(cells);
  }
  return table.text();
}

std::size_t colour_of(const HopfieldRow& row) { return static_cast<std::size_t>(row.bits - 1); }

Axis percent_axis(std::string title) {
  return {std::move(title), 0, 22, {{0, "0"}, {5, "5"}, {10, "10"}, {15, "15"}, {20, "20"}}};
}

Panel changes_panel(std::span<const HopfieldRow> rows) {
  Panel panel;
  panel.title = "Changed signs at random states, %";
  panel.x = percent_axis("arccos(rho) / pi, %");
  panel.y = percent_axis("measured");
  panel.series = {{{{0, 0}, {panel.x.high, panel.y.high}}, kGreySeries}};
  for (const HopfieldRow& row : rows) {
    const Point at = {100 * expected_changes(row.rho), 100 * row.changed};
    panel.series.push_back({{at}, colour_of(row), false});
  }
  return panel;
}

/// Rows of rho 1 would lie infinitely far to the right: the line is for them.
Panel errors_panel(std::span<const HopfieldRow> rows) {
  Panel panel;
  panel.title = "Wrong after retrieval, %; line: float";
  panel.x = rho_axis(4);
  panel.y = {"wrong", -1, 2, log_ticks(std::array{.1, .3, 1., 3., 10., 30., 100.})};
  const auto height = [](const HopfieldRow& row) {
    return std::log10(std::max(100 * row.wrong, 0.1));
  };
  const double line = height(rows.front());
  panel.series = {{{{panel.x.low, line}, {panel.x.high, line}}, kGreySeries}};
  for (const HopfieldRow& row : rows) {
    const double x = std::min(rho_height(row.rho), panel.x.high);
    if (row.rho < 1) panel.series.push_back({{{x, height(row)}}, colour_of(row), false});
  }
  return panel;
}

std::string chart_of(std::span<const HopfieldRow> rows) {
  const std::array panels = {changes_panel(rows), errors_panel(rows)};
  return draw_chart(panels);
}

}  // namespace

double expected_changes(double rho) { return std::acos(rho) / std::numbers::pi; }

std::vector<HopfieldRow> measure_hopfield(const HopfieldSize& size) {
  std::vector<HopfieldRow> mean;
  for (int network = 0; network < size.networks; ++network) {
    const std::vector<HopfieldRow> rows = measure(Trial(size, network));
    if (mean.empty()) {
      mean = rows;
      for (HopfieldRow& row : mean) row = {row.name, row.bits, 0};
    }
    for (std::size_t i = 0; i < rows.size(); ++i) add(mean[i], rows[i], 1.0 / size.networks);
  }
  return mean;
}

Section hopfield_section(const HopfieldSize& size) {
  const std::vector<HopfieldRow> rows = measure_hopfield(size);
  Section section;
  section.facts = {{"states", fmt::format("{}", kRandomStates)},
                   {"networks", fmt::format("{}", size.networks)},
                   {"neurons", fmt::format("{}", size.neurons)},
                   {"patterns", fmt::format("{}", size.patterns)},
                   {"rows", table_of(rows)},
                   {"deviation", fmt::format("{:.3f}", 100 * largest_deviation(rows))},
                   {"rank", fmt::format("{:.2f}", rank_correlation(rows))},
                   {"rank_coarse", fmt::format("{:.2f}", rank_correlation(coarse(rows)))},
                   {"loads", load_table(size)}};
  section.charts["hopfield.svg"] = chart_of(rows);
  return section;
}

}  // namespace wquant::papers
