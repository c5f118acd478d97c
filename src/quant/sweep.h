#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/centroid_score.h"
#include "quant/distribution.h"
#include "quant/magnitude_sort.h"

namespace wquant {

/// Tries all x0 of stretches of it at one ratio, for centroids: from one x0 at which a weight meets
/// a boundary to the next, the weight changes its interval, and the correlation follows in O(1),
/// see CentroidScore.
class Sweep {
 public:
  /// `magnitudes` has all weights of the bins that a boundary can lie in while x0 is in a stretch.
  Sweep(const Distribution& distribution, std::span<const MagnitudeCount> magnitudes, int intervals,
        double r);

  /// Tries all x0 from `low` to `high`.
  void run(double low, double high);

  /// The best x0 of all runs, 0 before the first, and its correlation but for rounding.
  [[nodiscard]] double best_x0() const { return best_x0_; }
  [[nodiscard]] double best_rho() const { return score_.rho(best_score_); }

  /// The sums over the weights at or above a magnitude that lies in one of those bins.
  [[nodiscard]] Tail tail_at(float magnitude) const;

 private:
  /// A weight's meeting with boundary `k`.
  struct Meeting {
    double x0;
    std::uint32_t magnitude, k;
  };
  /// An interval's sums, and its terms of A' N and B' N.
  struct Interval {
    double count, sum, sign, a, b;
    void renew();
  };
  void begin(double x0);
  void meet(double low, double high);
  void pass(const Meeting& meeting);
  void renew();
  void consider(double from, double to);
  [[nodiscard]] Tail tail_from(std::size_t magnitude, std::size_t bin) const;
  [[nodiscard]] std::size_t first_beyond(double x0, double width) const;

  const Distribution& distribution_;
  std::span<const MagnitudeCount> magnitudes_;
  std::vector<double> widths_;  // b_k / x0 for k = 1..K-1.
  std::vector<Interval> intervals_;
  std::vector<Meeting> meetings_;
  CentroidScore score_;
  double a_ = 0, b_ = 0;  // A' N, B' N
  double best_x0_ = 0, best_score_ = -1;
};

}  // namespace wquant
