#include <fmt/format.h>

#include <array>
#include <cmath>

#include "chart.h"
#include "partition_section.h"

namespace wquant::papers {
namespace {

constexpr int kFirstBits = 2, kLastBits = 6;
constexpr int kSteps = 90;
constexpr double kDecades = 3;  ///< The axis of x0 ends at the largest magnitude.
constexpr std::array kPanels = {kLinearClipped, kExpRange, kExpTwo, kExpSearched};
constexpr std::array kTicks = {.001, .003, .01, .03, .1, .3, 1.};

/// One curve, its name at its highest point.
void add_curve(Panel& panel, PartitionCurves& curves, ReadingIndex reading, double largest,
               int bits) {
  Series series{{}, static_cast<std::size_t>(bits - kFirstBits)};
  Point best;
  for (int i = 0; i <= kSteps; ++i) {
    const double share = kDecades * (static_cast<double>(i) / kSteps - 1);
    const double rho = curves.rho(reading, largest * std::pow(10, share));
    series.points.push_back({share, rho_height(rho)});
    if (series.points.back().y > best.y) best = series.points.back();
  }
  panel.labels.push_back({best, fmt::format("{}", bits), series.colour});
  panel.series.push_back({{best}, series.colour, false});
  panel.series.push_back(std::move(series));
}

}  // namespace

std::string partition_chart(const Sample& sample) {
  std::vector<Panel> panels;
  const std::string title =
      fmt::format("x0 / max|w|, where max|w| = {:.2f} sigma", sample.largest / sample.sigma);
  for (const ReadingIndex reading : kPanels) {
    std::string name = readings()[reading].name;
    std::erase(name, '`');
    Panel& panel = panels.emplace_back();
    panel.title = sample.name + ", " + name;
    panel.x = {title, -kDecades, 0, log_ticks(kTicks)};
    panel.y = rho_axis(4);
  }
  for (int bits = kFirstBits; bits <= kLastBits; ++bits) {
    PartitionCurves curves(sample, bits);
    for (std::size_t i = 0; i < kPanels.size(); ++i) {
      add_curve(panels[i], curves, kPanels[i], sample.largest, bits);
    }
  }
  return draw_chart(panels);
}

}  // namespace wquant::papers
