#pragma once

#include "kernels/kernels.h"

namespace wquant {

/// Means of weights w, of what they became, q, and of e = w - q, and sums of squares and products
/// about them. Nothing cancels or overflows, whatever float32 holds, and the sums of what is all
/// the same are 0.
struct PairMoments {
  double count = 0, w = 0, q = 0, e = 0;
  double ww = 0, qq = 0, ee = 0, we = 0, wq = 0;
  double max_e = 0;  ///< Largest magnitude of e.

  PairMoments() = default;
  /// Of at least one weight, in two passes.
  PairMoments(WeightView weights, const float* became);

  /// Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing sample
  /// variances, 1979.
  PairMoments& operator+=(const PairMoments& other);

  [[nodiscard]] bool vary() const;  ///< Both.
  /// Of w and q; 0 unless both vary.
  [[nodiscard]] double correlation() const;
  /// 1 - rho^2, the share of the variance of w that q does not explain.
  [[nodiscard]] double unexplained() const;
  /// Sum of (w - f q)^2.
  [[nodiscard]] double squared_error(double f) const;
  [[nodiscard]] double sum_of_squares() const { return ww + count * w * w; }  ///< Of w.
};

}  // namespace wquant
