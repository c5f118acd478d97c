#include "quant/error_sums.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "quant/float_slabs.h"
#include "wquant/report.h"

namespace wquant {
namespace {

/// Weights after which float sums become double ones.
constexpr std::size_t kStep = 1024;

double sum_of(std::span<const float> lanes) {
  return std::accumulate(lanes.begin(), lanes.end(), 0.0);
}

double largest_of(std::span<const float> lanes) {
  return static_cast<double>(*std::max_element(lanes.begin(), lanes.end()));
}

/// Squares of what lies between, and of errors a millionth of it, and their sums fit a float.
constexpr double kLeastSquared = 1e-10, kMostSquared = 1e15;

/// Share of squares that float sums must leave where they cancel.
constexpr double kLeastShare = 0.1;

/// Float sums over up to kStep weights, of d = w - pivot and e = w - q, as moments. None where
/// these would not tell: where squares do not fit, or too little is left of what is about means, of
/// q or of errors that are not in proportion to the weights.
std::optional<PairMoments> moments_of(const ErrorLanes& lanes, std::size_t count, float pivot) {
  const double n = static_cast<double>(count);
  const double d = sum_of(lanes.d), d2 = sum_of(lanes.d2);
  const double e = sum_of(lanes.e), e2 = sum_of(lanes.e2), de = sum_of(lanes.de);
  PairMoments sums;
  sums.count = n;
  sums.w = static_cast<double>(pivot) + d / n;
  sums.q = static_cast<double>(pivot) + (d - e) / n;
  sums.e = e / n;
  sums.ww = d2 - d * d / n;
  sums.ee = e2 - e * e / n;
  sums.we = de - d * e / n;
  sums.wq = sums.ww - sums.we;
  sums.qq = sums.wq - sums.we + sums.ee;
  sums.max_e = largest_of(lanes.max_e);
  const double largest =
      sums.max_e + largest_of(lanes.max_q) + std::fabs(static_cast<double>(pivot));
  if (largest == 0) return sums;
  const bool fits = largest >= kLeastSquared && largest <= kMostSquared;
  const bool tells = sums.qq >= kLeastShare * (d2 + e2) &&
                     sums.ww * sums.ee - sums.we * sums.we >= kLeastShare * d2 * e2;
  return fits && tells ? std::optional(sums) : std::nullopt;
}

}  // namespace

void ErrorSums::add(WeightView w, const float* q, double pivot) {
  const auto rounded = static_cast<float>(pivot);
  for (std::size_t first = 0; first < w.size; first += kStep) {
    const WeightView step = w.part(first, std::min(kStep, w.size - first));
    ErrorLanes lanes = {};
    kernels().add_errors(step.data, q + first, step.size, rounded, &lanes);
    const auto told = moments_of(lanes, step.size, rounded);
    moments += told ? *told : PairMoments(step, q + first);
    max_q = std::max(max_q, largest_of(lanes.max_q));
  }
}

ErrorSums& ErrorSums::operator+=(const ErrorSums& other) {
  moments += other.moments;
  max_q = std::max(max_q, other.max_q);
  return *this;
}

namespace {

/// What keeps less than this share of the variance is not rescaled.
constexpr double kLeastKept = 1e-9;

double wanted_factor(const PairMoments& all, Rescale rescale) {
  if (rescale == Rescale::kVariance && all.vary() && all.qq > kLeastKept * all.ww) {
    return std::sqrt(all.ww / all.qq);
  }
  if (rescale == Rescale::kMse) {
    // sum w q / sum q^2, about zero.
    const double squares = all.qq + all.count * all.q * all.q;
    if (squares > kLeastKept * all.sum_of_squares()) {
      return (all.wq + all.count * all.w * all.q) / squares;
    }
  }
  return 1;
}

}  // namespace

double ErrorSums::factor(Rescale rescale) const {
  // What became of weights stays within float32.
  constexpr double kMost = std::numeric_limits<float>::max() * (1 - 0x1p-11);
  const double factor = wanted_factor(moments, rescale);
  return max_q > 0 ? std::min(factor, kMost / max_q) : factor;
}

/// Of f q, whose level and product with a scale are float32 again.
constexpr double kRounding = 0x1p-22;

void ErrorSums::fill(TensorReport& report, double f) const {
  const PairMoments& all = moments;
  const double squares = all.squared_error(f);
  const bool varies = all.ww > 0;
  report.codebook.rho = varies ? all.correlation() : 1;
  report.codebook.relative_error_unscaled =
      varies ? (all.ee + all.count * all.e * all.e) / all.ww : 0;
  report.relative_error = varies ? squares / all.ww : 0;
  report.snr_db = squares > 0 ? 10 * std::log10(all.sum_of_squares() / squares)
                              : std::numeric_limits<double>::infinity();
  report.max_error = all.max_e;
  if (f != 1) report.max_error += (std::fabs(f - 1) + kRounding * std::fabs(f)) * max_q;
}

double float_pivot(const ModelReader& model, std::size_t index) {
  const std::uint64_t weights = model.tensors()[index].count();
  std::vector<float> scratch;
  const WeightView head =
      floats_of(model, index, {0, std::min<std::uint64_t>(kPivotWeights, weights)}, scratch);
  return static_cast<double>(static_cast<float>(pivot_of(head)));
}

}  // namespace wquant
