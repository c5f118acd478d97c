#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace wquant {

/// Where values lie between two ends, and which of them are written beside.
class Axis {
 public:
  struct Tick {
    double at;  ///< 0 at the lower end, 1 at the upper one.
    std::string label;
  };

  /// From low to high, which differ.
  static Axis linear(double low, double high);
  /// Numbers of weights from 0 on, or in powers of ten.
  static Axis counts(double most);
  static Axis log_counts(double most);
  /// Bytes between two sizes.
  static Axis bytes(double low, double high);
  /// Correlations: as far apart as the logarithms of 1 - rho, so that 0.9, 0.99 and 0.999 are at
  /// equal distances. The ends are ticks at or beyond the values given.
  static Axis correlations(double low, double high);
  /// A column for each of the numbers 1 to count.
  static Axis numbers(std::size_t count);

  /// Values beyond an end lie at the end.
  [[nodiscard]] double at(double value) const;
  [[nodiscard]] const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  using Scale = double (*)(double value);
  Axis(double low, double high, Scale scale);
  void add_ticks(double step, std::string (*label)(double value));
  void add_tick(double value, std::string label);

  Scale scale_;
  double low_, high_;  // As scaled.
  std::vector<Tick> ticks_;
};

}  // namespace wquant
