#include "report/html_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace wquant {
namespace {

/// About so many ticks an axis.
constexpr double kTicks = 5;
/// A correlation this near to 1 is 1.
constexpr double kLeastLoss = 1e-6;
/// With more ticks than these, only the powers of ten are left.
constexpr std::size_t kMostTicks = 7;

double identity(double value) { return value; }
double log_count(double value) { return std::log10(std::max(value, 0.5)); }
double nines(double rho) { return -std::log10(std::max(1 - rho, kLeastLoss)); }

std::string plain(double value) { return fmt::format("{:g}", value == 0 ? 0 : value); }

std::string short_count(double value) {
  static constexpr std::array<std::pair<double, const char*>, 3> kUnits = {
      {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  for (const auto& [unit, letter] : kUnits) {
    if (value >= unit) return fmt::format("{:g}{}", value / unit, letter);
  }
  return plain(value);
}

std::string short_bytes(double value) {
  static constexpr std::array<std::pair<double, const char*>, 3> kUnits = {
      {{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}}};
  for (const auto& [unit, name] : kUnits) {
    if (value >= unit) return fmt::format("{:g} {}", value / unit, name);
  }
  return plain(value) + " B";
}

/// 1, 2 or 5 times a power of ten, so that a span has a few of them.
double step_for(double span) {
  const double power = std::pow(10, std::floor(std::log10(span / kTicks)));
  const double steps = span / kTicks / power;
  return power * (steps <= 1 ? 1 : steps <= 2 ? 2 : steps <= 5 ? 5 : 10);
}

/// What ticks leave to 1: 1, 0.5, 0.2, 0.1, 0.05, ... by their numbers.
double loss_of(int tick) {
  static constexpr std::array<double, 3> kSteps = {1, 0.5, 0.2};
  return kSteps[static_cast<std::size_t>(tick % 3)] * std::pow(10, -(tick / 3));
}

constexpr int kLastTick = 18;  // At kLeastLoss.
constexpr double kNear = 1e-9;

double place_of(int tick) { return -std::log10(loss_of(tick)); }

/// The highest tick that is not above a correlation, and the lowest that is not below; there is one
/// more above the former.
int last_tick_below(double rho) {
  int tick = 0;
  while (tick + 2 <= kLastTick && place_of(tick + 1) <= nines(rho) + kNear) ++tick;
  return tick;
}

int first_tick_above(double rho) {
  int tick = 0;
  while (tick < kLastTick && place_of(tick) < nines(rho) - kNear) ++tick;
  return tick;
}

std::string correlation_label(int tick) {
  const int decimals = tick / 3 + (tick % 3 == 0 ? 0 : 1);
  return fmt::format("{:.{}f}", 1 - loss_of(tick), decimals);
}

}  // namespace

Axis::Axis(double low, double high, Scale scale)
    : scale_(scale), low_(scale(low)), high_(scale(high)) {}

double Axis::at(double value) const {
  return std::clamp((scale_(value) - low_) / (high_ - low_), 0.0, 1.0);
}

void Axis::add_tick(double value, std::string label) {
  ticks_.push_back({at(value), std::move(label)});
}

void Axis::add_ticks(double step, std::string (*label)(double value)) {
  const double first = std::ceil(low_ / step - 1e-6);
  for (double i = first; i * step <= high_ + 1e-6 * step; ++i) add_tick(i * step, label(i * step));
}

Axis Axis::linear(double low, double high) {
  Axis axis(low, high, identity);
  axis.add_ticks(step_for(high - low), plain);
  return axis;
}

Axis Axis::counts(double most) {
  Axis axis(0, std::max(most, 1.0), identity);
  axis.add_ticks(std::max(step_for(axis.high_), 1.0), short_count);
  return axis;
}

Axis Axis::log_counts(double most) {
  Axis axis(0, std::max(most, 10.0), log_count);
  const int powers = static_cast<int>(std::log10(std::max(most, 10.0)));
  const int step = 1 + powers / static_cast<int>(kTicks);
  for (int power = 0; power <= powers; power += step) {
    const double value = std::pow(10, power);
    axis.add_tick(value, short_count(value));
  }
  return axis;
}

Axis Axis::bytes(double low, double high) {
  Axis axis(low, std::max(high, low + 1), identity);
  axis.add_ticks(std::max(step_for(axis.high_ - axis.low_), 1.0), short_bytes);
  return axis;
}

Axis Axis::correlations(double low, double high) {
  const int first = last_tick_below(low);
  const int last = std::max(first_tick_above(high), first + 1);
  Axis axis(1 - loss_of(first), 1 - loss_of(last), nines);
  const bool many = static_cast<std::size_t>(last - first) >= kMostTicks;
  for (int tick = first; tick <= last; ++tick) {
    if (many && tick % 3 != 0) continue;
    axis.add_tick(1 - loss_of(tick), correlation_label(tick));
  }
  return axis;
}

Axis Axis::numbers(std::size_t count) {
  Axis axis(0.5, static_cast<double>(std::max<std::size_t>(count, 1)) + 0.5, identity);
  if (count <= 12) {
    axis.add_ticks(1, plain);
  } else {
    axis.add_tick(1, "1");
    const double step = std::max(step_for(static_cast<double>(count)), 2.0);
    for (double i = step; i <= static_cast<double>(count); i += step) axis.add_tick(i, plain(i));
  }
  return axis;
}

}  // namespace wquant
