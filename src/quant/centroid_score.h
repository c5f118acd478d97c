#pragma once

#include <algorithm>
#include <cmath>

#include "quant/distribution.h"

namespace wquant {

/// The correlation that intervals of magnitudes reach with their centroids, from sums over them.
///
/// With c the mean of |w|, d the mean sign, and in interval k the C_k weights, the sum T_k of
/// |w| - c over them and the sum D_k of their signs: A' = sum T_k^2 / C_k / N and
/// B' = sum T_k D_k / C_k / N give
///     rho sigma_w sqrt(V) = A' + c^2 (1 - d^2) - c d (mean - c d) - mean B'
///     V = A' + c^2 (1 - d^2) - 2 c d B' - B'^2
/// which is the formula of A and B about c, so that nothing cancels where the mean is large.
class CentroidScore {
 public:
  explicit CentroidScore(const Distribution& distribution)
      : count_(distribution.count()),
        mean_(distribution.mean()),
        variance_(distribution.variance()) {
    const Tail& all = distribution.tail(0);
    const double negative = all.negative / all.count;
    center_ = all.sum / all.count;
    shift_ = center_ * (1 - 2 * negative);
    spread_ = center_ * center_ * 4 * negative * (1 - negative);
  }

  /// c
  [[nodiscard]] double center() const { return center_; }

  /// rho^2 times the variance of the weights, of A' N and B' N.
  [[nodiscard]] double score(double a, double b) const {
    a /= count_;
    b /= count_;
    const double covariance = a + spread_ - shift_ * (mean_ - shift_) - mean_ * b;
    const double variance = a + spread_ - 2 * shift_ * b - b * b;
    return covariance > 0 && variance > 0 ? covariance * covariance / variance : 0;
  }

  /// rho of a score.
  [[nodiscard]] double rho(double score) const {
    if (score <= 0 || variance_ <= 0) return 0;
    return std::min(1.0, std::sqrt(score / variance_));
  }

 private:
  double count_, mean_, variance_;
  double center_ = 0, shift_ = 0, spread_ = 0;  // c, c d, c^2 (1 - d^2)
};

}  // namespace wquant
