#pragma once

#include <string>
#include <string_view>

#include "report/html_axis.h"

namespace wquant {

/// A chart as inline SVG that is as wide as its surroundings, with text of one size: marks are
/// drawn in a field of 1000 units by `height` pixels that is stretched, labels are placed on it by
/// shares of the width.
class Chart {
 public:
  /// `label` is text that tells what the chart shows to who cannot see it.
  Chart(std::string label, Axis x, Axis y, int height = 150);

  /// What the x axis measures; text.
  void set_x_title(std::string title) { x_title_ = std::move(title); }
  /// Markup in the units of the field.
  void add(std::string_view marks) { marks_ += marks; }
  /// Text beside the right end of a line at that value of y.
  void add_end_label(double y, std::string_view text);
  /// A class of the marks.
  void set_class(std::string_view name) { class_ = name; }
  /// Its marks are links.
  void set_links() { role_ = "group"; }

  /// Coordinates in the field, as short as they may be.
  [[nodiscard]] int x(double value) const;
  [[nodiscard]] std::string y(double value) const;
  [[nodiscard]] int height() const { return height_; }

  [[nodiscard]] std::string svg() const;

 private:
  [[nodiscard]] std::string grid() const;
  [[nodiscard]] std::string labels() const;

  std::string label_, x_title_, marks_, end_labels_;
  Axis x_, y_;
  int height_;
  std::string_view class_, role_ = "img";
};

/// A chart under its caption, which is markup.
std::string figure_html(std::string_view caption, const Chart& chart);

/// "<path>" of a class.
std::string path_svg(std::string_view classes, std::string_view d);

}  // namespace wquant
