#include "quant/objective.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "quant/partition.h"

namespace wquant {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// S^2 / C of an interval: the energy that its centroid keeps.
double energy(double sum, double count) { return count > 0 ? sum * sum / count : 0; }

}  // namespace

void Fit::finish(double w_mean, double w_variance) {
  const double shift = w_mean - mean;
  squared_error = std::max(0.0, w_variance - 2 * covariance + variance + shift * shift);
  const double power = variance + mean * mean;
  if (w_variance > 0) relative_error = squared_error / w_variance;
  if (w_variance > 0 && variance > 0) {
    rho = std::min(1.0, covariance / std::sqrt(w_variance * variance));
  }
  if (power > 0) least_squares = (covariance + w_mean * mean) / power;
}

Objective::Objective(const Distribution& distribution, int bits, Values values)
    : distribution_(distribution),
      intervals_(1 << (bits - 1)),
      values_(values),
      score_(distribution) {
  const auto k = static_cast<std::size_t>(intervals_);
  b_.resize(k);
  b_high_.resize(k);
  edges_.assign(k + 1, 0);
  v_.resize(k);
  v_high_.resize(k);
  windows_.resize(k - 1);
}

void Objective::place(double x0, double r) {
  place_boundaries(x0, r, b_);
  for (std::size_t k = 1; k + 1 < edges_.size(); ++k) edges_[k] = distribution_.place(b_[k - 1]);
  edges_.back() = distribution_.ceil(kInfinity);
}

std::span<const double> Objective::magnitudes(double x0, double r) {
  place(x0, r);
  fill_magnitudes();
  return v_;
}

void Objective::fill_magnitudes() {
  for (std::size_t k = 0; k < v_.size(); ++k) {
    const Tail& from = distribution_.tail(edges_[k]);
    const Tail& to = distribution_.tail(edges_[k + 1]);
    const double midpoint = 0.5 * ((k == 0 ? 0 : b_[k - 1]) + b_[k]);
    const double count = from.count - to.count;
    v_[k] = values_ == Values::kMidpoint || count == 0 ? midpoint : (from.sum - to.sum) / count;
  }
}

Fit Objective::evaluate(double x0, double r) {
  place(x0, r);
  fill_magnitudes();
  const double n = distribution_.count();
  const double mean = distribution_.mean();
  Fit fit;
  for (std::size_t k = 0; k < v_.size(); ++k) {
    const Tail& from = distribution_.tail(edges_[k]);
    const Tail& to = distribution_.tail(edges_[k + 1]);
    const double negative = from.negative - to.negative;
    fit.mean += v_[k] * (from.count - to.count - 2 * negative) / n;
  }
  // Sums about the means, each sign apart: no cancellation where the mean is large.
  for (std::size_t k = 0; k < v_.size(); ++k) {
    const Tail& from = distribution_.tail(edges_[k]);
    const Tail& to = distribution_.tail(edges_[k + 1]);
    if (from.count == to.count) continue;
    const double minus = from.negative - to.negative;
    const double plus = from.count - to.count - minus;
    const double minus_sum = from.negative_sum - to.negative_sum;
    const double plus_sum = from.sum - to.sum - minus_sum;
    const double up = v_[k] - fit.mean;
    const double down = -v_[k] - fit.mean;
    fit.variance += (plus * up * up + minus * down * down) / n;
    fit.covariance += (up * (plus_sum - mean * plus) + down * (-minus_sum - mean * minus)) / n;
  }
  fit.finish(mean, distribution_.variance());
  return fit;
}

double Objective::rho(double x0, double r) {
  if (!centroids()) return evaluate(x0, r).rho;
  place_boundaries(x0, r, b_);
  return centroid_rho([this](double b) { return distribution_.place(b); });
}

double Objective::rho_near(double x0, double r) {
  if (!centroids()) return evaluate(x0, r).rho;
  place_boundaries(x0, r, b_);
  return centroid_rho([this](double b) { return distribution_.place_near(b); });
}

/// Of the boundaries in b_, put at the bins that `place` says.
template <typename Place>
double Objective::centroid_rho(Place&& place) const {
  double a = 0;
  double b = 0;
  const auto add_interval = [&](const Tail& from, const Tail& to) {
    const double count = from.count - to.count;
    if (count == 0) return;
    const double sum = from.sum - to.sum - score_.center() * count;
    const double mean = sum / count;
    a += mean * sum;
    b += mean * (count - 2 * (from.negative - to.negative));
  };
  const Tail* from = &distribution_.tail(0);
  for (std::size_t k = 0; k + 1 < b_.size(); ++k) {
    const Tail* to = &distribution_.tail(place(b_[k]));
    add_interval(*from, *to);
    from = to;
  }
  add_interval(*from, {});
  return score_.rho(score_.score(a, b));
}

void Objective::open_windows(double x_low, double r_at_low, double x_high, double r_at_high) {
  place_boundaries(x_low, r_at_low, b_);
  place_boundaries(x_high, r_at_high, b_high_);
  for (std::size_t k = 0; k < windows_.size(); ++k) {
    Window& window = windows_[k];
    window.low = distribution_.floor(b_[k]);
    window.high = std::max(window.low, distribution_.ceil(b_high_[k]));
    const Tail& from = distribution_.tail(window.low);
    const Tail& to = distribution_.tail(window.high);
    window.count = from.count - to.count;
    window.sum = from.sum - to.sum;
    const bool empty = window.high == window.low;
    window.l = empty ? 0 : double{distribution_.lower(window.low)};
    window.u = empty ? 0 : double{distribution_.upper(window.high - 1)};
  }
}

double Objective::upper_bound(double x_low, double r_at_low, double x_high, double r_at_high,
                              double r_low, double r_high) {
  open_windows(x_low, r_at_low, x_high, r_at_high);
  return std::min(1.0,
                  values_ == Values::kCentroid ? centroid_bound() : midpoint_bound(r_low, r_high));
}

double Objective::centroid_bound() {
  // With A = E q^2 = E |w| |q| and B = E q: rho^2 var w = A - mean^2 + (B - mean)^2 A / (A - B^2),
  // convex in A, so that its largest value lies at an end of A's range.
  const double n = distribution_.count();
  const double mean = distribution_.mean();
  const double variance = distribution_.variance();
  const double high = best_energy() / n;
  // An interval's mean grows with both its ends, so the v_k lie between those of the lowest and
  // of the highest boundaries.
  const auto centroid = [&](std::size_t from, std::size_t to, double empty) {
    const double count = distribution_.tail(from).count - distribution_.tail(to).count;
    return count > 0 ? (distribution_.tail(from).sum - distribution_.tail(to).sum) / count : empty;
  };
  const std::size_t end = distribution_.ceil(kInfinity);
  for (std::size_t k = 0; k < v_.size(); ++k) {
    const bool first = k == 0;
    const bool last = k + 1 == v_.size();
    v_[k] = centroid(first ? 0 : windows_[k - 1].low, last ? end : windows_[k].low,
                     first ? 0 : b_[k - 1]);
    v_high_[k] = centroid(first ? 0 : windows_[k - 1].high, last ? end : windows_[k].high,
                          std::min(b_high_[k], distribution_.max_abs()));
  }
  const MeanRange q_mean = mean_range(v_, v_high_);
  const double distance = std::max(std::fabs(q_mean.low - mean), std::fabs(q_mean.high - mean));
  const double mean_size = distribution_.tail(0).sum / n;
  const double low = std::min(high, mean_size * mean_size);
  const auto bound = [&](double a) {
    if (distance == 0) return a - mean * mean;
    const double spread = a - q_mean.largest_square();
    if (spread <= 0) return kInfinity;
    return a - mean * mean + distance * distance * a / spread;
  };
  return std::sqrt(std::max(0.0, std::max(bound(low), bound(high)) / variance));
}

Objective::MeanRange Objective::mean_range(std::span<const double> v_low,
                                           std::span<const double> v_high) const {
  const double n = distribution_.count();
  const double mean = distribution_.mean();
  const Tail& all = distribution_.tail(0);
  if (values_ == Values::kCentroid && (all.negative == 0 || all.negative == n)) {
    return {mean, mean};  // One sign: the centroids keep the mean exactly.
  }
  double low = 0;
  double high = 0;
  const std::size_t end = distribution_.ceil(kInfinity);
  for (std::size_t k = 0; k < v_low.size(); ++k) {
    // Weights that certainly lie in the interval, and those of the windows at its ends.
    const bool last = k + 1 == v_low.size();
    const std::size_t from = k == 0 ? 0 : windows_[k - 1].low;
    const std::size_t inner_from = k == 0 ? 0 : windows_[k - 1].high;
    const std::size_t to = last ? end : windows_[k].high;
    const std::size_t inner_to = std::max(inner_from, last ? end : windows_[k].low);
    const auto minus_in = [&](std::size_t i, std::size_t j) {
      return distribution_.tail(i).negative - distribution_.tail(j).negative;
    };
    const auto plus_in = [&](std::size_t i, std::size_t j) {
      return distribution_.tail(i).count - distribution_.tail(j).count - minus_in(i, j);
    };
    const double most = plus_in(from, to) - minus_in(inner_from, inner_to);
    const double least = plus_in(inner_from, inner_to) - minus_in(from, to);
    high += (most > 0 ? v_high[k] : v_low[k]) * most / n;
    low += (least < 0 ? v_high[k] : v_low[k]) * least / n;
  }
  return {low, high};
}

double Objective::best_energy() const {
  bool separate = true;
  for (std::size_t k = 0; k + 1 < windows_.size(); ++k) {
    separate = separate && windows_[k].high <= windows_[k + 1].low;
  }
  return separate ? separate_energy() : overlapping_energy();
}

double Objective::separate_energy() const {
  // The energy is jointly convex in the tail sums (count, sum) at the boundaries. The part of a
  // window above its boundary lies in the triangle (0, 0), (c, s), (c_u, c_u u): so the largest
  // energy, boundaries taken independently, is found at corners, from the top interval down.
  struct Corner {
    double count, sum, best;
  };
  std::array<Corner, 3> above = {};  // The end: nothing lies above.
  std::size_t above_size = 1;
  const auto best_below = [&](double count, double sum) {
    double best = 0;
    for (std::size_t i = 0; i < above_size; ++i) {
      best = std::max(best, above[i].best + energy(sum - above[i].sum, count - above[i].count));
    }
    return best;
  };
  for (std::size_t k = windows_.size(); k-- > 0;) {
    const Window& window = windows_[k];
    const Tail& base = distribution_.tail(window.high);
    std::array<Corner, 3> here = {{{base.count, base.sum, 0}}};
    std::size_t size = 1;
    if (window.count > 0) {
      here[size++] = {base.count + window.count, base.sum + window.sum, 0};
      if (window.u > window.l) {
        const double top = (window.sum - window.count * window.l) / (window.u - window.l);
        const double count = std::clamp(top, 0.0, window.count);
        here[size++] = {base.count + count, base.sum + count * window.u, 0};
      }
    }
    for (std::size_t i = 0; i < size; ++i) here[i].best = best_below(here[i].count, here[i].sum);
    above = here;
    above_size = size;
  }
  const Tail& all = distribution_.tail(0);
  return best_below(all.count, all.sum);
}

double Objective::overlapping_energy() const {
  // A finer partition keeps more: every weight of a window gets a level of its own.
  double total = 0;
  std::size_t from = 0;
  const std::size_t end = distribution_.ceil(kInfinity);
  const auto add_interval = [&](std::size_t i, std::size_t j) {
    if (i >= j) return;
    total += energy(distribution_.tail(i).sum - distribution_.tail(j).sum,
                    distribution_.tail(i).count - distribution_.tail(j).count);
  };
  for (const Window& window : windows_) {
    add_interval(from, window.low);
    const std::size_t start = std::max(from, window.low);
    if (start < window.high) {
      total += distribution_.tail(start).square - distribution_.tail(window.high).square;
    }
    from = std::max(from, window.high);
  }
  add_interval(from, end);
  return total;
}

double Objective::midpoint_bound(double r_low, double r_high) {
  // In units of x0 the midpoints depend on r alone and grow with it; E |w||q| and E q^2 fall as
  // the boundaries rise. So the largest covariance is that of the lowest boundaries and highest
  // midpoints, the least variance that of the highest boundaries and lowest midpoints.
  const double n = distribution_.count();
  const double mean = distribution_.mean();
  const auto units = [&](double r, std::vector<double>& v) {
    for (std::size_t k = 0; k < v.size(); ++k) {
      v[k] = 0.5 * (width_sum(r, static_cast<int>(k)) + width_sum(r, static_cast<int>(k) + 1));
    }
  };
  units(r_low, v_);
  units(r_high, v_high_);
  double product = v_high_[0] * distribution_.tail(0).sum / n;
  double power = v_[0] * v_[0];
  for (std::size_t k = 0; k < windows_.size(); ++k) {
    product += (v_high_[k + 1] - v_high_[k]) * distribution_.tail(windows_[k].low).sum / n;
    power +=
        (v_[k + 1] * v_[k + 1] - v_[k] * v_[k]) * distribution_.tail(windows_[k].high).count / n;
  }
  const MeanRange q_mean = mean_range(v_, v_high_);
  const double covariance = product - std::min(mean * q_mean.low, mean * q_mean.high);
  const double spread = power - q_mean.largest_square();
  if (spread <= 0) return 1;
  return covariance / std::sqrt(distribution_.variance() * spread);
}

}  // namespace wquant
