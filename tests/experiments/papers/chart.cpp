#include "chart.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace wquant::papers {
namespace {

constexpr double kWidth = 380, kHeight = 260;  // Of a panel with its margins.
constexpr double kLeft = 52, kRight = 22, kTop = 26, kBottom = 40;
constexpr std::array kColours = {"#3b82c4", "#d9622b", "#2f9e63", "#b565c4", "#c29a1b", "#e0507a"};
constexpr const char* kGrey = "#808080";

/// Draws one panel whose corner lies at the origin.
class PanelWriter {
 public:
  explicit PanelWriter(const Panel& panel) : panel_(panel) {}

  std::string text() {
    add_text(kWidth / 2, 16, "middle", kGrey, panel_.title);
    add_axes();
    for (const Series& series : panel_.series) series.line ? add_line(series) : add_dots(series);
    for (const Label& label : panel_.labels) {
      add_text(x_of(label.at.x), y_of(label.at.y) - 6, "middle", colour(label.colour), label.text);
    }
    return svg_;
  }

 private:
  static const char* colour(std::size_t index) {
    return index == kGreySeries ? kGrey : kColours[index % kColours.size()];
  }
  [[nodiscard]] double x_of(double x) const {
    const double share = (x - panel_.x.low) / (panel_.x.high - panel_.x.low);
    return kLeft + share * (kWidth - kLeft - kRight);
  }
  [[nodiscard]] double y_of(double y) const {
    const double share = (y - panel_.y.low) / (panel_.y.high - panel_.y.low);
    return kHeight - kBottom - share * (kHeight - kTop - kBottom);
  }
  void add_text(double x, double y, const char* anchor, const char* fill, const std::string& text) {
    svg_ +=
        fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\">{}</text>\n", x,
                    y, anchor, fill, text);
  }
  void add_rule(double x1, double y1, double x2, double y2) {
    svg_ += fmt::format("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"{}\" opacity=\".4\"/>\n",
                        x1, y1, x2, y2, kGrey);
  }
  void add_axes() {
    const double bottom = y_of(panel_.y.low);
    for (const Axis::Tick& tick : panel_.x.ticks) {
      add_rule(x_of(tick.at), bottom, x_of(tick.at), bottom + 4);
      add_text(x_of(tick.at), bottom + 16, "middle", kGrey, tick.text);
    }
    for (const Axis::Tick& tick : panel_.y.ticks) {
      add_rule(kLeft, y_of(tick.at), kWidth - kRight, y_of(tick.at));
      add_text(kLeft - 5, y_of(tick.at) + 4, "end", kGrey, tick.text);
    }
    add_text((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", kGrey, panel_.x.title);
    add_text(4, kTop - 10, "start", kGrey, panel_.y.title);
  }
  void add_line(const Series& series) {
    std::string path;
    for (const Point& p : series.points) {
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x_of(p.x), y_of(p.y));
    }
    svg_ += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n", path,
                        colour(series.colour));
  }
  void add_dots(const Series& series) {
    for (const Point& p : series.points) {
      svg_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x_of(p.x),
                          y_of(p.y), colour(series.colour));
    }
  }

  const Panel& panel_;
  std::string svg_;
};

}  // namespace

std::vector<Axis::Tick> log_ticks(std::span<const double> numbers) {
  std::vector<Axis::Tick> ticks;
  for (const double number : numbers)
    ticks.push_back({std::log10(number), fmt::format("{}", number)});
  return ticks;
}

Axis rho_axis(int digits) {
  Axis axis{"rho", rho_height(0.5), static_cast<double>(digits), {{rho_height(0.5), ".5"}}};
  for (int i = 1; i <= digits; ++i) {
    axis.ticks.push_back(
        {static_cast<double>(i), "." + std::string(static_cast<std::size_t>(i), '9')});
  }
  return axis;
}

double rho_height(double rho) { return -std::log10(1 - rho); }

std::string draw_chart(std::span<const Panel> panels) {
  constexpr std::size_t kColumns = 2;
  const std::size_t rows = (panels.size() + kColumns - 1) / kColumns;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n",
      kWidth * kColumns, kHeight * static_cast<double>(rows));
  for (std::size_t i = 0; i < panels.size(); ++i) {
    const std::size_t row = i / kColumns, column = i % kColumns;
    svg += fmt::format("<g transform=\"translate({} {})\">\n", kWidth * static_cast<double>(column),
                       kHeight * static_cast<double>(row));
    svg += PanelWriter(panels[i]).text() + "</g>\n";
  }
  return svg + "</svg>\n";
}

}  // namespace wquant::papers
