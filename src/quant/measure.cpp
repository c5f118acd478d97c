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
#include "quant/pair_moments.h"

namespace wquant {
namespace {

/// Weights whose sums are made in one go.
constexpr std::size_t kStep = 4096;

/// A level and its product with a scale are each rounded by up to 2^-24 of themselves.
constexpr double kRounding = 0x1p-23;

MeasuredErrors figures_of(const PairMoments& sums) {
  MeasuredErrors figures;
  const double squares = sums.ee + sums.count * sums.e * sums.e;
  const double all = sums.sum_of_squares();
  if (sums.ww > 0) {
    figures.rho = sums.correlation();
    figures.relative_error = squares / sums.ww;
    const double rounded = kRounding * kRounding * all / sums.ww;
    figures.rounding = 2 * std::sqrt(figures.relative_error * rounded) + rounded;
  }
  figures.snr_db =
      squares > 0 ? 10 * std::log10(all / squares) : std::numeric_limits<double>::infinity();
  figures.max_error = sums.max_e;
  return figures;
}

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
      sums_[slab] += PairMoments(weights.part(at, n), after.data() + at);
    }
    release(original_, pair_.original, range);
    release(restored_, pair_.restored, range);
    meter_.add(range.count * size_of(original_.tensors()[pair_.original].dtype));
  }

  void leave(unsigned /*worker*/) override {}

  void end_stage() override {
    PairMoments all;
    for (const PairMoments& sums : sums_) all += sums;
    measured_ = figures_of(all);
  }

 private:
  [[nodiscard]] std::uint64_t count() const { return original_.tensors()[pair_.original].count(); }

  const ModelReader& original_;
  const ModelReader& restored_;
  const TensorPair pair_;
  Meter& meter_;
  MeasuredErrors& measured_;
  bool begun_ = false;
  std::vector<PairMoments> sums_;  // By slab.
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
