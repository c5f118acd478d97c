#pragma once

#include <cstdint>

#include "kernels/kernels.h"
#include "wquant/model.h"
#include "wquant/settings.h"

namespace wquant {

struct TensorReport;

/// Means of weights w, less the pivot, and of what they became, q, and sums of squares and products
/// about them: they do not cancel, however much smaller q is than w.
struct Kept {
  double count = 0, w = 0, q = 0;
  double ww = 0, qq = 0, wq = 0;

  Kept& operator+=(const Kept& other);
  /// 0 where either does not vary.
  [[nodiscard]] double correlation() const;
};

/// Sums over weights w and what they became, q: of d = w - pivot and e = w - q. Errors that follow
/// from them do not cancel, however near q is to w.
struct ErrorSums {
  double count = 0, d = 0, d2 = 0, e = 0, e2 = 0, de = 0;
  double max_e = 0, max_q = 0;  ///< Largest magnitudes.
  Kept kept = {};

  /// Adds weights and what they became.
  void add(WeightView w, const float* q, double pivot);
  ErrorSums& operator+=(const ErrorSums& other);

  /// The factor f of the rescale: of all q together.
  [[nodiscard]] double factor(Rescale rescale, double pivot) const;
  /// Fills in the figures of a tensor that became f q.
  void fill(TensorReport& report, double f, double pivot) const;
};

/// The pivot of a tensor as ErrorSums takes it, which subtracts it as float32.
double float_pivot(const ModelReader& model, std::size_t index);

}  // namespace wquant
