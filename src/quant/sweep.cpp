#include "quant/sweep.h"

#include <algorithm>
#include <cmath>

#include "quant/partition.h"

namespace wquant {
namespace {

/// Meetings after which A' and B' are added up again, so that rounding does not grow.
constexpr std::size_t kRenew = 4096;

void add(Tail& tail, const MagnitudeCount& weights, double sign) {
  const double value = weights.magnitude;
  const double count = sign * weights.count;
  const double negative = sign * weights.negative;
  tail.count += count;
  tail.negative += negative;
  tail.sum += count * value;
  tail.negative_sum += negative * value;
  tail.square += count * value * value;
}

}  // namespace

Sweep::Sweep(const Distribution& distribution, std::span<const MagnitudeCount> magnitudes,
             int intervals, double r)
    : distribution_(distribution),
      magnitudes_(magnitudes),
      widths_(static_cast<std::size_t>(intervals) - 1),
      intervals_(static_cast<std::size_t>(intervals)),
      score_(distribution) {
  place_boundaries(1, r, widths_);
}

void Sweep::run(double low, double high) {
  begin(low);
  meet(low, high);
  double from = low;
  std::size_t renewed = 0;
  for (std::size_t i = 0; i < meetings_.size();) {
    const double to = meetings_[i].x0;
    consider(from, to);
    for (; i < meetings_.size() && meetings_[i].x0 == to; ++i) pass(meetings_[i]);
    from = to;
    if (i - renewed < kRenew) continue;
    renew();
    renewed = i;
  }
  consider(from, high);
}

/// Sums of the intervals just above x0.
void Sweep::begin(double x0) {
  Tail above = distribution_.tail(0);
  for (std::size_t k = 0; k < intervals_.size(); ++k) {
    const Tail from = above;
    above = {};
    if (k < widths_.size()) {
      above = tail_from(first_beyond(x0, widths_[k]), distribution_.ceil(x0 * widths_[k]));
    }
    const double count = from.count - above.count;
    const double sum = from.sum - above.sum - score_.center() * count;
    intervals_[k] = {count, sum, count - 2 * (from.negative - above.negative), 0, 0};
    intervals_[k].renew();
  }
  renew();
}

/// The magnitudes whose quotient by the width is above x0 begin here.
std::size_t Sweep::first_beyond(double x0, double width) const {
  const auto found = std::partition_point(
      magnitudes_.begin(), magnitudes_.end(),
      [&](const MagnitudeCount& m) { return static_cast<double>(m.magnitude) / width <= x0; });
  return static_cast<std::size_t>(found - magnitudes_.begin());
}

/// The sums from a magnitude on, with those from the edge of a bin nearby.
Tail Sweep::tail_from(std::size_t magnitude, std::size_t bin) const {
  Tail tail = distribution_.tail(bin);
  std::size_t edge = magnitudes_.size();
  if (bin < distribution_.bins()) {
    const auto below = [](const MagnitudeCount& m, float value) { return m.magnitude < value; };
    edge = static_cast<std::size_t>(
        std::lower_bound(magnitudes_.begin(), magnitudes_.end(), distribution_.lower(bin), below) -
        magnitudes_.begin());
  }
  for (std::size_t i = magnitude; i < edge; ++i) add(tail, magnitudes_[i], 1);
  for (std::size_t i = edge; i < magnitude; ++i) add(tail, magnitudes_[i], -1);
  return tail;
}

Tail Sweep::tail_at(float magnitude) const {
  const auto below = [](const MagnitudeCount& m, float value) { return m.magnitude < value; };
  const auto found = std::lower_bound(magnitudes_.begin(), magnitudes_.end(), magnitude, below);
  return tail_from(static_cast<std::size_t>(found - magnitudes_.begin()),
                   distribution_.ceil(static_cast<double>(magnitude)));
}

void Sweep::meet(double low, double high) {
  meetings_.clear();
  for (std::size_t k = 0; k < widths_.size(); ++k) {
    for (std::size_t i = first_beyond(low, widths_[k]); i < magnitudes_.size(); ++i) {
      const double x0 = static_cast<double>(magnitudes_[i].magnitude) / widths_[k];
      if (x0 > high) break;
      meetings_.push_back({x0, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(k + 1)});
    }
  }
  std::sort(meetings_.begin(), meetings_.end(), [](const Meeting& a, const Meeting& b) {
    return a.x0 < b.x0 || (a.x0 == b.x0 && a.k < b.k);
  });
}

/// The boundary rises above the weights: they go to the interval below.
void Sweep::pass(const Meeting& meeting) {
  const MagnitudeCount& weights = magnitudes_[meeting.magnitude];
  const double count = weights.count;
  const double sum = count * (static_cast<double>(weights.magnitude) - score_.center());
  const double sign = count - 2.0 * weights.negative;
  Interval& above = intervals_[meeting.k];
  Interval& below = intervals_[meeting.k - 1];
  a_ -= above.a + below.a;
  b_ -= above.b + below.b;
  above = {above.count - count, above.sum - sum, above.sign - sign, 0, 0};
  below = {below.count + count, below.sum + sum, below.sign + sign, 0, 0};
  above.renew();
  below.renew();
  a_ += above.a + below.a;
  b_ += above.b + below.b;
}

void Sweep::Interval::renew() {
  if (count <= 0) {
    *this = {};
    return;
  }
  const double mean = sum / count;
  a = mean * sum;
  b = mean * sign;
}

void Sweep::renew() {
  a_ = b_ = 0;
  for (const Interval& interval : intervals_) {
    a_ += interval.a;
    b_ += interval.b;
  }
}

/// All x0 between two meetings make the same partition.
void Sweep::consider(double from, double to) {
  if (from >= to) return;
  const double here = score_.score(a_, b_);
  if (here <= best_score_) return;
  best_score_ = here;
  best_x0_ = from + 0.5 * (to - from);
}

}  // namespace wquant
