#pragma once

#include <span>
#include <string>
#include <vector>

namespace wquant::papers {

struct Point {
  double x = 0, y = 0;
};

/// One axis, in the units that points have: a logarithm is the caller's.
struct Axis {
  struct Tick {
    double at = 0;
    std::string text;
  };
  std::string title;
  double low = 0, high = 1;
  std::vector<Tick> ticks;
};

/// A colour of Series: that of the axes.
inline constexpr std::size_t kGreySeries = ~std::size_t{0};

/// Points of one colour, joined by a line or drawn as dots.
struct Series {
  std::vector<Point> points;
  std::size_t colour = 0;  ///< Any number, colours repeat; or kGreySeries.
  bool line = true;
};

struct Label {
  Point at;
  std::string text;
  std::size_t colour = 0;
};

struct Panel {
  std::string title;
  Axis x, y;
  std::vector<Series> series;
  std::vector<Label> labels;  ///< Above their points.
};

/// Ticks for a logarithmic axis, in log10 units: the numbers as they are written.
std::vector<Axis::Tick> log_ticks(std::span<const double> numbers);
/// An axis of rho, in units of -log10(1 - rho), from .5 up to `digits` nines.
Axis rho_axis(int digits);
/// The place of a correlation on that axis.
double rho_height(double rho);

/// An SVG drawing of the panels, two a row, in colours that show on white and on black.
std::string draw_chart(std::span<const Panel> panels);

}  // namespace wquant::papers
