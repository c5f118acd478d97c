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

/// Whether float sums tell: magnitudes are such that their squares fit, and errors are neither
/// alike nor in proportion to the weights, of which too little would be left when both cancel.
bool tells(const ErrorSums& sums, double pivot) {
  constexpr double kLeastShare = 1e-3;
  const double largest = sums.max_e + sums.max_q + std::fabs(pivot);
  if (largest == 0) return true;
  if (largest < kLeastSquared || largest > kMostSquared) return false;
  const double varies = sums.e2 - sums.e * sums.e / sums.count;
  if (varies < kLeastShare * sums.e2) return false;
  const double both = (sums.d2 - sums.d * sums.d / sums.count) * varies;
  const double with_weights = sums.de - sums.d * sums.e / sums.count;
  return both - with_weights * with_weights >= kLeastShare * both;
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
  return sums;
}

}  // namespace

void ErrorSums::add(WeightView w, const float* q, double pivot) {
  for (std::size_t first = 0; first < w.size; first += kStep) {
    const WeightView step = w.part(first, std::min(kStep, w.size - first));
    ErrorLanes lanes = {};
    kernels().add_errors(step.data, q + first, step.size, static_cast<float>(pivot), &lanes);
    const ErrorSums sums = {static_cast<double>(step.size),
                            sum_of(lanes.d),
                            sum_of(lanes.d2),
                            sum_of(lanes.e),
                            sum_of(lanes.e2),
                            sum_of(lanes.de),
                            largest_of(lanes.max_e),
                            largest_of(lanes.max_q)};
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
  return *this;
}

namespace {

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
  /// Of q = w - e; 0 where it is so much less than both that what is left of them tells little.
  [[nodiscard]] double q() const {
    constexpr double kLeast = 1e-6;
    const double left = w - 2 * we + e;
    return left > kLeast * (w + e) ? left : 0;
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
    if (q2 > 0) return (w2 - we) / q2;
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
  const double lost = spread.w * spread.e - spread.we * spread.we;
  const double both = spread.w * spread.q();
  report.codebook.rho =
      spread.w > 0 ? std::sqrt(std::max(0.0, both > 0 ? 1 - std::max(0.0, lost) / both : 0)) : 1;
  if (both > 0 && spread.w < spread.we) report.codebook.rho = -report.codebook.rho;
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
