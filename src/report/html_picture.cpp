#include "report/html_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "report/html_chart.h"
#include "report/html_text.h"
#include "report/render.h"
#include "report/totals.h"

namespace wquant {
namespace {

/// Counts are drawn by their logarithms when the highest bar is more than so many times the mean.
constexpr std::uint64_t kSteep = 30;
/// More boundaries than these would hide the bars: they are cut short.
constexpr std::size_t kFewBoundaries = 40;
constexpr int kShortBoundary = 16;
/// More levels than these touch each other.
constexpr std::size_t kFewLevels = 48;

/// The bars as one outline.
std::string bars_d(const Chart& chart, const Histogram& weights) {
  const double width = (weights.high - weights.low) / static_cast<double>(weights.counts.size());
  std::string d = fmt::format("M0 {}", chart.height());
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < weights.counts.size(); ++i) {
    if (weights.counts[i] != before) {
      d += fmt::format("H{}V{}", chart.x(weights.low + static_cast<double>(i) * width),
                       weights.counts[i] == 0 ? std::to_string(chart.height())
                                              : chart.y(static_cast<double>(weights.counts[i])));
    }
    before = weights.counts[i];
  }
  return d + fmt::format("H{}V{}z", chart.x(weights.high), chart.height());
}

/// Places of values within the range, each once.
std::vector<int> places_of(const Chart& chart, const Histogram& weights,
                           const std::vector<float>& values) {
  std::vector<int> places;
  for (const float value : values) {
    if (value < weights.low || value > weights.high) continue;
    const int place = chart.x(value);
    if (places.empty() || places.back() != place) places.push_back(place);
  }
  return places;
}

/// The same stroke at all places, each told by its distance from the one before.
std::string strokes_d(const std::vector<int>& places, int top, int length) {
  std::string d;
  int before = 0;
  for (const int place : places) {
    const std::string stroke = length == 0 ? "h0" : fmt::format("v{}", length);
    d += d.empty() ? fmt::format("M{} {}{}", place, top, stroke)
                   : fmt::format("m{} {}{}", place - before, -length, stroke);
    before = place;
  }
  return d;
}

std::string edges_d(const Chart& chart, const TensorPicture& picture) {
  const std::vector<int> places = places_of(chart, picture.weights, picture.thresholds);
  return strokes_d(places, 0, places.size() > kFewBoundaries ? kShortBoundary : chart.height());
}

std::string levels_d(const Chart& chart, const TensorPicture& picture) {
  return strokes_d(places_of(chart, picture.weights, picture.levels), chart.height(), 0);
}

std::string beyond_text(const TensorPicture& picture) {
  const Histogram& weights = picture.weights;
  const auto is_beyond = [&](float level) { return level < weights.low || level > weights.high; };
  const auto levels = static_cast<std::uint64_t>(std::ranges::count_if(picture.levels, is_beyond));
  std::string text;
  if (weights.below + weights.above > 0) {
    text += fmt::format(". Beyond the ends lie {} weights", grouped(weights.below + weights.above));
    if (levels > 0) text += fmt::format(" and {} levels", levels);
    text += ".";
  }
  return text;
}

std::string weights_text(const TensorReport& tensor, bool steep) {
  const Histogram& weights = tensor.picture->weights;
  std::string text = "<b>Weights</b>";
  if (tensor.cells.has_scales()) {
    const std::uint64_t shown = std::accumulate(weights.counts.begin(), weights.counts.end(),
                                                weights.below + weights.above);
    text += fmt::format(", each over its scale ({})",
                        shown == tensor.info.count() ? "all"
                                                     : fmt::format("{} of {}", grouped(shown),
                                                                   grouped(tensor.info.count())));
  }
  if (steep) text += ", numbers on a logarithmic scale";
  text += "." + key_html("bars", "weights a bin") + key_html("edges", "boundaries") +
          key_html("levels", "levels");
  return text + beyond_text(*tensor.picture);
}

std::string weights_html(const TensorReport& tensor) {
  const TensorPicture& picture = *tensor.picture;
  const Histogram& weights = picture.weights;
  const std::uint64_t most = *std::ranges::max_element(weights.counts);
  const std::uint64_t sum =
      std::accumulate(weights.counts.begin(), weights.counts.end(), std::uint64_t{0});
  const bool steep = most * weights.counts.size() > kSteep * sum;
  const auto top = static_cast<double>(most);
  Chart chart(fmt::format("Histogram of the weights of {} from {:.3g} to {:.3g} with {} levels",
                          tensor.info.name, weights.low, weights.high, picture.levels.size()),
              Axis::linear(weights.low, weights.high),
              steep ? Axis::log_counts(top) : Axis::counts(top));
  chart.set_x_title(tensor.cells.has_scales() ? "weight / scale" : "weight");
  chart.add(path_svg("bars", bars_d(chart, weights)));
  chart.add(path_svg("edges", edges_d(chart, picture)));
  const bool many = picture.levels.size() > kFewLevels;
  chart.add(path_svg(many ? "levels many" : "levels", levels_d(chart, picture)));
  return figure_html(weights_text(tensor, steep), chart);
}

std::string curve_d(const Chart& chart, const std::vector<CurvePoint>& curve) {
  std::string d;
  for (const CurvePoint& point : curve) {
    d += fmt::format("{}{} {}", d.empty() ? "M" : "L", chart.x(point.x0), chart.y(point.rho));
  }
  return d;
}

std::string curve_html(const TensorReport& tensor) {
  const std::vector<CurvePoint>& curve = tensor.picture->curve;
  const auto [low, high] = std::ranges::minmax_element(curve, {}, &CurvePoint::rho);
  const auto own = std::ranges::find(curve, tensor.codebook.x0, &CurvePoint::x0);
  Chart chart(fmt::format("Correlation against x0 up to {:.3g}, largest at {:.3g}", curve.back().x0,
                          high->x0),
              Axis::linear(0, curve.back().x0), Axis::correlations(low->rho, high->rho));
  chart.set_x_title("first boundary x₀");
  const int x = chart.x(own->x0);
  chart.add(path_svg("at", fmt::format("M{} {}V{}", x, chart.height(), chart.y(own->rho))));
  chart.add(path_svg("curve", curve_d(chart, curve)));
  chart.add(path_svg("best", fmt::format("M{} {}h0", x, chart.y(own->rho))));
  const bool full = tensor.settings.range == RangeRule::kFull && tensor.settings.mode == "linear";
  const std::string ratio = tensor.settings.mode == "exp" && tensor.settings.bits > 2
                                ? fmt::format(", ratio r = {:.4g}", tensor.codebook.ratio)
                                : "";
  return fmt::format(
      "<figure>\n<figcaption><b>Correlation ρ against x<sub>0</sub></b>{}{}, at {} ρ = {:.5f}."
      "{}</figcaption>\n{}</figure>\n",
      tensor.settings.ratio_rule == RatioRule::kRange ? "" : ratio,
      tensor.balance_figures.moved > 0 ? ", before balancing" : "",
      fmt::format("x<sub>0</sub> = {:.4g}", own->x0), own->rho,
      key_html("levels", full ? "full range" : "optimum"), chart.svg());
}

/// Why there is no curve.
std::string_view no_curve_text(const TensorReport& tensor) {
  if (tensor.settings.coding == Coding::kEntropy) {
    return "Levels lie near the multiples of a step, which sets the bits: there is no best "
           "x<sub>0</sub>.";
  }
  if (tensor.cells.has_scales()) {
    return "Levels were fitted to weights over their scales: there is no curve of x<sub>0</sub> "
           "for "
           "the tensor.";
  }
  if (tensor.codebook.x0 <= 0 || tensor.settings.bits == 1) {
    return "The levels of this mode do not follow from a first boundary x<sub>0</sub>.";
  }
  if (!zeros_text(tensor).empty()) {
    return "Weights of exactly 0 have a level of their own: there is no curve of x<sub>0</sub>.";
  }
  return "All weights have one magnitude: every x<sub>0</sub> keeps it.";
}

}  // namespace

std::string picture_html(const TensorReport& tensor) {
  if (!tensor.picture || tensor.picture->weights.counts.empty()) return {};
  const std::string curve = tensor.picture->curve.empty()
                                ? fmt::format("<p class=\"note\">{}</p>\n", no_curve_text(tensor))
                                : curve_html(tensor);
  return "<div class=\"pair\">\n" + weights_html(tensor) + curve + "</div>\n";
}

}  // namespace wquant
