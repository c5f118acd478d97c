#include "quant/error_sums.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
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

/// What float sums tell of q = w - e.
Kept kept_of(const ErrorSums& sums, double pivot) {
  const double n = sums.count;
  Kept kept = {n, sums.d / n, pivot + (sums.d - sums.e) / n};
  kept.ww = sums.d2 - sums.d * sums.d / n;
  kept.wq = kept.ww - (sums.de - sums.d * sums.e / n);
  kept.qq = 2 * kept.wq - kept.ww + sums.e2 - sums.e * sums.e / n;
  return kept;
}

/// Whether float sums tell: magnitudes are such that their squares fit, and of what is about means,
/// of q and of errors that are not in proportion to the weights, enough is left where they cancel.
bool tells(const ErrorSums& sums, double pivot) {
  constexpr double kLeastShare = 1e-3;
  const double largest = sums.max_e + sums.max_q + std::fabs(pivot);
  if (largest == 0) return true;
  if (largest < kLeastSquared || largest > kMostSquared) return false;
  if (sums.kept.qq < kLeastShare * (sums.d2 + sums.e2)) return false;
  const double errors = sums.e2 - sums.e * sums.e / sums.count;
  const double with_weights = sums.de - sums.d * sums.e / sums.count;
  return sums.kept.ww * errors - with_weights * with_weights >= kLeastShare * sums.d2 * sums.e2;
}

/// Those of weights and what they became, in two passes.
Kept kept_of(WeightView w, const float* q, double pivot) {
  const auto n = static_cast<double>(w.size);
  const double first = q[0];
  Kept kept = {n};
  for (std::size_t i = 0; i < w.size; ++i) {
    kept.w += (static_cast<double>(w.data[i]) - pivot) / n;
    kept.q += (static_cast<double>(q[i]) - first) / n;
  }
  kept.q += first;
  for (std::size_t i = 0; i < w.size; ++i) {
    const double dw = static_cast<double>(w.data[i]) - pivot - kept.w;
    const double dq = static_cast<double>(q[i]) - kept.q;
    kept.ww += dw * dw;
    kept.qq += dq * dq;
    kept.wq += dw * dq;
  }
  return kept;
}

/// The same as the kernels, whatever the magnitudes.
ErrorSums double_sums(WeightView w, const float* q, double pivot) {
  ErrorSums sums;
  sums.count = static_cast<double>(w.size);
  for (std::size_t i = 0; i < w.size; ++i) {
    const double d = static_cast<double>(w.data[i]) - pivot;
    const double became = q[i];
    const double e = static_cast<double>(w.data[i]) - became;
    sums.d += d;
    sums.d2 += d * d;
    sums.e += e;
    sums.e2 += e * e;
    sums.de += d * e;
    sums.max_e = std::max(sums.max_e, std::fabs(e));
    sums.max_q = std::max(sums.max_q, std::fabs(became));
  }
  sums.kept = kept_of(w, q, pivot);
  return sums;
}

}  // namespace

void ErrorSums::add(WeightView w, const float* q, double pivot) {
  for (std::size_t first = 0; first < w.size; first += kStep) {
    const WeightView step = w.part(first, std::min(kStep, w.size - first));
    ErrorLanes lanes = {};
    kernels().add_errors(step.data, q + first, step.size, static_cast<float>(pivot), &lanes);
    ErrorSums sums = {static_cast<double>(step.size),
                      sum_of(lanes.d),
                      sum_of(lanes.d2),
                      sum_of(lanes.e),
                      sum_of(lanes.e2),
                      sum_of(lanes.de),
                      largest_of(lanes.max_e),
                      largest_of(lanes.max_q)};
    sums.kept = kept_of(sums, pivot);
    *this += tells(sums, pivot) ? sums : double_sums(step, q + first, pivot);
  }
}

ErrorSums& ErrorSums::operator+=(const ErrorSums& other) {
  count += other.count;
  d += other.d;
  d2 += other.d2;
  e += other.e;
  e2 += other.e2;
  de += other.de;
  max_e = std::max(max_e, other.max_e);
  max_q = std::max(max_q, other.max_q);
  kept += other.kept;
  return *this;
}

/// Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing sample variances,
/// 1979.
Kept& Kept::operator+=(const Kept& other) {
  const double all = count + other.count;
  if (all == 0) return *this;
  const double share = other.count / all;
  const double both = count * share;
  const double dw = other.w - w, dq = other.q - q;
  ww += other.ww + both * dw * dw;
  qq += other.qq + both * dq * dq;
  wq += other.wq + both * dw * dq;
  w += share * dw;
  q += share * dq;
  count = all;
  return *this;
}

double Kept::correlation() const {
  return ww > 0 && qq > 0 ? std::clamp(wq / std::sqrt(ww) / std::sqrt(qq), -1.0, 1.0) : 0;
}

namespace {

/// Share of two squares that is left when they cancel.
constexpr double kCancelled = 1e-9;

/// Variances and the covariance of w and e.
struct Spread {
  double w, e, we;
  explicit Spread(const ErrorSums& sums) {
    const double n = std::max(sums.count, 1.0);
    const double mean_e = sums.e / n;
    w = std::max(0.0, sums.d2 / n - (sums.d / n) * (sums.d / n));
    e = std::max(0.0, sums.e2 / n - mean_e * mean_e);
    we = sums.de / n - sums.d / n * mean_e;
  }
  /// Of q = w - e; 0 where it is no more than what is left when both cancel.
  [[nodiscard]] double q() const {
    const double left = w - 2 * we + e;
    return left > kCancelled * (w + e) ? left : 0;
  }
  /// Sums of errors tell exactly how little is lost, those of q how little is kept.
  [[nodiscard]] double correlation(const Kept& kept) const {
    constexpr double kLittle = 1e-3;
    if (w == 0) return 1;
    if (q() <= kLittle * (w + e)) return kept.correlation();
    const double lost = std::max(0.0, w * e - we * we);
    const double rho = std::sqrt(std::max(0.0, 1 - lost / (w * q())));
    return w < we ? -rho : rho;
  }
};

}  // namespace

double ErrorSums::factor(Rescale rescale, double pivot) const {
  const Spread spread(*this);
  if (rescale == Rescale::kVariance && spread.w > 0 && spread.q() > 0) {
    return std::sqrt(spread.w / spread.q());
  }
  if (rescale == Rescale::kMse) {
    // sum w q / sum q^2, about zero.
    const double w2 = d2 + 2 * pivot * d + count * pivot * pivot;
    const double we = de + pivot * e;
    const double q2 = w2 - 2 * we + e2;
    if (q2 > kCancelled * (w2 + e2)) return (w2 - we) / q2;
  }
  return 1;
}

/// Of f q, whose level and product with a scale are float32 again.
constexpr double kRounding = 0x1p-22;

void ErrorSums::fill(TensorReport& report, double f, double pivot) const {
  const Spread spread(*this);
  const double n = std::max(count, 1.0);
  const double w2 = d2 + 2 * pivot * d + count * pivot * pivot;
  const double we = de + pivot * e;
  // w - f q = (1 - f) w + f e
  const double squares = std::max(0.0, (1 - f) * (1 - f) * w2 + 2 * f * (1 - f) * we + f * f * e2);
  report.codebook.rho = spread.correlation(kept);
  report.codebook.relative_error_unscaled = spread.w > 0 ? e2 / n / spread.w : 0;
  report.relative_error = spread.w > 0 ? squares / n / spread.w : 0;
  report.snr_db =
      squares > 0 ? 10 * std::log10(w2 / squares) : std::numeric_limits<double>::infinity();
  report.max_error = max_e;
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
