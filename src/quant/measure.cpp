#include "wquant/measure.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "base/float_environment.h"
#include "base/meter.h"
#include "base/staged_work.h"
#include "quant/float_slabs.h"

namespace wquant {
namespace {

/// Weights whose sums are made in one go.
constexpr std::size_t kStep = 4096;

/// A level and its product with a scale are each rounded by up to 2^-24 of themselves.
constexpr double kRounding = 0x1p-23;

/// Means of weights w, of what they became, q, and of e = w - q, and sums of squares and products
/// about them. Nothing cancels or overflows, whatever float32 holds, and the sums of what is all
/// the same are 0.
struct Moments {
  double count = 0, w = 0, q = 0, e = 0;
  double ww = 0, qq = 0, ee = 0, we = 0, wq = 0;
  double max_e = 0;

  Moments() = default;
  /// Of at least one weight.
  Moments(WeightView weights, const float* became) : count(static_cast<double>(weights.size)) {
    const double first_w = weights.data[0];
    const double first_q = became[0];
    const double first_e = first_w - first_q;
    double sum_w = 0, sum_q = 0, sum_e = 0;
    for (std::size_t i = 0; i < weights.size; ++i) {
      const double before = weights.data[i];
      const double after = became[i];
      sum_w += before - first_w;
      sum_q += after - first_q;
      sum_e += before - after - first_e;
    }
    w = first_w + sum_w / count;
    q = first_q + sum_q / count;
    e = first_e + sum_e / count;
    for (std::size_t i = 0; i < weights.size; ++i) {
      const double error = static_cast<double>(weights.data[i]) - static_cast<double>(became[i]);
      const double dw = static_cast<double>(weights.data[i]) - w;
      const double dq = static_cast<double>(became[i]) - q;
      const double de = error - e;
      ww += dw * dw;
      qq += dq * dq;
      ee += de * de;
      we += dw * de;
      wq += dw * dq;
      max_e = std::max(max_e, std::fabs(error));
    }
  }

  /// Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing sample
  /// variances, 1979.
  Moments& operator+=(const Moments& other) {
    const double all = count + other.count;
    if (all == 0) return *this;
    const double share = other.count / all;
    const double both = count * share;
    const double dw = other.w - w, dq = other.q - q, de = other.e - e;
    ww += other.ww + both * dw * dw;
    qq += other.qq + both * dq * dq;
    ee += other.ee + both * de * de;
    we += other.we + both * dw * de;
    wq += other.wq + both * dw * dq;
    w += share * dw;
    q += share * dq;
    e += share * de;
    count = all;
    max_e = std::max(max_e, other.max_e);
    return *this;
  }

  /// 0 where all became the same. Sums of errors tell exactly how little of it is lost; where
  /// errors are larger than what is left, that would cancel.
  [[nodiscard]] double correlation() const {
    if (!(qq > 0)) return 0;
    if (ee >= qq) return wq / std::sqrt(ww) / std::sqrt(qq);
    const double rho = std::sqrt(std::max(0.0, 1 - std::max(0.0, ww * ee - we * we) / ww / qq));
    return wq < 0 ? -rho : rho;
  }

  [[nodiscard]] MeasuredErrors figures() const {
    MeasuredErrors figures;
    const double squares = ee + count * e * e;
    if (ww > 0) {
      figures.rho = correlation();
      figures.relative_error = squares / ww;
      const double rounded = kRounding * kRounding * (ww + count * w * w) / ww;
      figures.rounding = 2 * std::sqrt(figures.relative_error * rounded) + rounded;
    }
    figures.snr_db = squares > 0 ? 10 * std::log10((ww + count * w * w) / squares)
                                 : std::numeric_limits<double>::infinity();
    figures.max_error = max_e;
    return figures;
  }
};

/// One pair; its parts are slabs.
class MeasureWork : public StagedWork {
 public:
  MeasureWork(const ModelReader& original, const ModelReader& restored, TensorPair pair,
              Meter& meter, MeasuredErrors& measured)
      : original_(original), restored_(restored), pair_(pair), meter_(meter), measured_(measured) {}

  std::uint64_t begin_stage() override {
    if (begun_) return 0;
    begun_ = true;
    sums_.resize(slab_count(count()));
    return sums_.size();
  }

  void run_part(std::uint64_t slab, unsigned /*worker*/) override {
    const SlabRange range = slab_range(count(), slab);
    std::vector<float> before;
    std::vector<float> after(range.count);
    const WeightView weights = floats_of(original_, pair_.original, range, before);
    restored_.read_floats(pair_.restored, range.first, after);
    for (std::size_t at = 0; at < weights.size; at += kStep) {
      const std::size_t n = std::min(kStep, weights.size - at);
      sums_[slab] += Moments(weights.part(at, n), after.data() + at);
    }
    release(original_, pair_.original, range);
    release(restored_, pair_.restored, range);
    meter_.add(range.count * size_of(original_.tensors()[pair_.original].dtype));
  }

  void leave(unsigned /*worker*/) override {}

  void end_stage() override {
    Moments all;
    for (const Moments& sums : sums_) all += sums;
    measured_ = all.figures();
  }

 private:
  [[nodiscard]] std::uint64_t count() const { return original_.tensors()[pair_.original].count(); }

  const ModelReader& original_;
  const ModelReader& restored_;
  const TensorPair pair_;
  Meter& meter_;
  MeasuredErrors& measured_;
  bool begun_ = false;
  std::vector<Moments> sums_;  // By slab.
};

}  // namespace

std::vector<MeasuredErrors> measure_errors(const ModelReader& original, const ModelReader& restored,
                                           std::span<const TensorPair> pairs,
                                           const RunOptions& options) {
  const FloatEnvironment environment;
  const std::uint64_t total = std::accumulate(
      pairs.begin(), pairs.end(), std::uint64_t{0}, [&](std::uint64_t sum, TensorPair pair) {
        return sum + original.tensors()[pair.original].bytes();
      });
  Meter meter(options, total);
  std::vector<MeasuredErrors> measured(pairs.size());
  std::size_t next = 0;
  run_staged(thread_count(options.threads), [&]() -> std::unique_ptr<StagedWork> {
    if (next == pairs.size()) return nullptr;
    const std::size_t index = next++;
    return std::make_unique<MeasureWork>(original, restored, pairs[index], meter, measured[index]);
  });
  return measured;
}

}  // namespace wquant
