#include "report/html_chart.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "report/html_text.h"

namespace wquant {
namespace {

constexpr int kTop = 8;         // Pixels above the field, for half a label.
constexpr int kTickRoom = 20;   // Below it, for labels of ticks
constexpr int kTitleRoom = 18;  // and what they measure.
constexpr double kFieldWidth = 1000;

/// A share of the width or height.
std::string percent(double share) { return fmt::format("{:g}%", std::round(share * 1000) / 10); }

/// Labels near an end stay within.
std::string_view anchor_at(double share) {
  return share < 0.03 ? "start" : share > 0.97 ? "end" : "middle";
}

}  // namespace

Chart::Chart(std::string label, Axis x, Axis y, int height)
    : label_(std::move(label)), x_(std::move(x)), y_(std::move(y)), height_(height) {}

int Chart::x(double value) const {
  return static_cast<int>(std::lround(x_.at(value) * kFieldWidth));
}

std::string Chart::y(double value) const {
  return fmt::format("{:g}", std::round((1 - y_.at(value)) * height_ * 10) / 10);
}

void Chart::add_end_label(double y, std::string_view text) {
  end_labels_ += fmt::format("<text class=\"label\" x=\"100%\" dx=\"6\" y=\"{:g}\">{}</text>\n",
                             std::round((1 - y_.at(y)) * height_) + kTop + 4, html_text(text));
}

std::string Chart::grid() const {
  std::string out = "<g class=\"grid\">";
  for (const Axis::Tick& tick : y_.ticks()) {
    const auto at = static_cast<int>(std::lround((1 - tick.at) * height_)) + kTop;
    out += fmt::format("<line x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>", at);
  }
  return out + fmt::format("<line class=\"base\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/></g>\n",
                           kTop + height_);
}

std::string Chart::labels() const {
  std::string out = "<g text-anchor=\"end\">";
  for (const Axis::Tick& tick : y_.ticks()) {
    out += fmt::format("<text x=\"-7\" y=\"{:g}\">{}</text>",
                       std::round((1 - tick.at) * height_) + kTop + 4, tick.label);
  }
  out += "</g>\n<g text-anchor=\"middle\">";
  for (const Axis::Tick& tick : x_.ticks()) {
    out += fmt::format("<text x=\"{}\" y=\"{}\"", percent(tick.at), kTop + height_ + 16);
    if (anchor_at(tick.at) != "middle") {
      out += fmt::format(" text-anchor=\"{}\"", anchor_at(tick.at));
    }
    out += fmt::format(">{}</text>", tick.label);
  }
  out += "</g>\n";
  if (!x_title_.empty()) {
    out += fmt::format("<text x=\"50%\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                       kTop + height_ + kTickRoom + 13, html_text(x_title_));
  }
  return out;
}

std::string Chart::svg() const {
  const int below = kTickRoom + (x_title_.empty() ? 0 : kTitleRoom);
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" height=\"{}\" role=\"{}\" "
      "aria-label=\"{}\">\n{}<svg y=\"{}\" width=\"100%\" height=\"{}\" viewBox=\"0 0 {:g} {}\" "
      "preserveAspectRatio=\"none\" overflow=\"visible\"><g class=\"{}\">\n{}</g></svg>\n{}{}"
      "</svg>\n",
      kTop + height_ + below, role_, html_text(label_, 1000), grid(), kTop, height_, kFieldWidth,
      height_, class_, marks_, labels(), end_labels_);
}

std::string figure_html(std::string_view caption, const Chart& chart) {
  return fmt::format("<figure>\n<figcaption>{}</figcaption>\n{}</figure>\n", caption, chart.svg());
}

std::string path_svg(std::string_view classes, std::string_view d) {
  return fmt::format("<path class=\"{}\" d=\"{}\"/>\n", classes, d);
}

}  // namespace wquant
