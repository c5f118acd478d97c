#pragma once

#include <cstdint>

#include "kernels/kernels.h"
#include "quant/pair_moments.h"
#include "wquant/model.h"
#include "wquant/settings.h"

namespace wquant {

struct TensorReport;

/// Sums over weights and what they became, q.
struct ErrorSums {
  PairMoments moments;
  double max_q = 0;  ///< Largest magnitude.

  /// Adds weights and what they became. Sums are float ones of w - pivot where these tell enough.
  void add(WeightView w, const float* q, double pivot);
  ErrorSums& operator+=(const ErrorSums& other);

  /// The factor f of the rescale: of all q together.
  [[nodiscard]] double factor(Rescale rescale) const;
  /// Fills in the figures of a tensor that became f q.
  void fill(TensorReport& report, double f) const;
};

/// The pivot of a tensor as ErrorSums takes it, which subtracts it as float32.
double float_pivot(const ModelReader& model, std::size_t index);

}  // namespace wquant
