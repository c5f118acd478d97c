#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "quant/centroid_score.h"
#include "quant/distribution.h"
#include "wquant/settings.h"

namespace wquant {

/// Exact statistics of a codebook before any rescale.
struct Fit {
  double rho = 0;             ///< Pearson correlation of w and q.
  double covariance = 0;      ///< Of w and q.
  double variance = 0;        ///< Of q.
  double mean = 0;            ///< Of q.
  double squared_error = 0;   ///< E (w - q)^2.
  double relative_error = 0;  ///< The same / variance of w.
  double least_squares = 1;   ///< The factor f with the least E (w - f q)^2.

  /// Derives the other figures from the covariance and the variance and mean of q, for weights of
  /// that mean and variance.
  void finish(double w_mean, double w_variance);
};

/// Evaluates partitions of one distribution: what a candidate (x0, r) achieves, and what no
/// candidate of a box of them can exceed. Not safe from several threads (it has scratch space).
class Objective {
 public:
  Objective(const Distribution& distribution, int bits, Values values);

  /// Intervals of magnitude, K = 2^(bits - 1).
  [[nodiscard]] int intervals() const { return intervals_; }

  [[nodiscard]] bool centroids() const { return values_ == Values::kCentroid; }

  [[nodiscard]] const Distribution& distribution() const { return distribution_; }

  /// Magnitudes v_0..v_(K-1) of the partition, ascending; valid until the next call.
  std::span<const double> magnitudes(double x0, double r);
  /// What the partition achieves.
  Fit evaluate(double x0, double r);
  /// Its correlation alone, but for rounding: faster, for centroids.
  double rho(double x0, double r);
  /// That of boundaries near these, faster still.
  double rho_near(double x0, double r);

  /// An upper bound of rho over all partitions whose parameters lie in the box, boundaries
  /// anywhere between those of (x_low, r_at_low) and (x_high, r_at_high), and ratios between
  /// r_low and r_high. The last two matter for midpoints only.
  double upper_bound(double x_low, double r_at_low, double x_high, double r_at_high, double r_low,
                     double r_high);

 private:
  /// The bins between which a boundary lies, and the sums over them.
  struct Window {
    std::size_t low, high;
    double count, sum, l, u;
  };
  void place(double x0, double r);
  template <typename Place>
  double centroid_rho(Place&& place) const;
  void fill_magnitudes();
  void open_windows(double x_low, double r_at_low, double x_high, double r_at_high);
  double centroid_bound();
  double midpoint_bound(double r_low, double r_high);
  [[nodiscard]] double best_energy() const;
  [[nodiscard]] double separate_energy() const;
  [[nodiscard]] double overlapping_energy() const;
  /// Between what the mean of q lies.
  struct MeanRange {
    double low, high;
    [[nodiscard]] double largest_square() const { return std::max(low * low, high * high); }
  };
  [[nodiscard]] MeanRange mean_range(std::span<const double> v_low,
                                     std::span<const double> v_high) const;

  const Distribution& distribution_;
  int intervals_;
  Values values_;
  CentroidScore score_;
  std::vector<double> b_, b_high_;  // Boundaries b_1..b_K; b_K is the last interval's nominal end.
  std::vector<std::size_t> edges_;  // Bin of each boundary, b_0 = 0 first; one past the end last.
  std::vector<double> v_, v_high_;
  std::vector<Window> windows_;  // Of b_1..b_(K-1).
};

}  // namespace wquant
