#include "wquant/measure.h"

#include <memory>
#include <numeric>

#include "base/meter.h"
#include "base/staged_work.h"
#include "quant/error_sums.h"
#include "quant/float_slabs.h"
#include "wquant/report.h"

namespace wquant {
namespace {

/// One pair; its parts are slabs.
class MeasureWork : public StagedWork {
 public:
  MeasureWork(const ModelReader& original, const ModelReader& restored, TensorPair pair,
              Meter& meter, MeasuredErrors& measured)
      : original_(original), restored_(restored), pair_(pair), meter_(meter), measured_(measured) {}

  std::uint64_t begin_stage() override {
    if (begun_) return 0;
    begun_ = true;
    pivot_ = float_pivot(original_, pair_.original);
    sums_.resize(slab_count(count()));
    return sums_.size();
  }

  void run_part(std::uint64_t slab, unsigned /*worker*/) override {
    const SlabRange range = slab_range(count(), slab);
    std::vector<float> before;
    std::vector<float> after(range.count);
    const WeightView weights = floats_of(original_, pair_.original, range, before);
    restored_.read_floats(pair_.restored, range.first, after);
    sums_[slab].add(weights, after.data(), pivot_);
    release(original_, pair_.original, range);
    release(restored_, pair_.restored, range);
    meter_.add(range.count * size_of(original_.tensors()[pair_.original].dtype));
  }

  void leave(unsigned /*worker*/) override {}

  void end_stage() override {
    ErrorSums all;
    for (const ErrorSums& sums : sums_) all += sums;
    TensorReport report;
    all.fill(report, 1, pivot_);
    measured_ = {report.codebook.rho, report.relative_error, report.snr_db, report.max_error};
  }

 private:
  [[nodiscard]] std::uint64_t count() const { return original_.tensors()[pair_.original].count(); }

  const ModelReader& original_;
  const ModelReader& restored_;
  const TensorPair pair_;
  Meter& meter_;
  MeasuredErrors& measured_;
  bool begun_ = false;
  double pivot_ = 0;
  std::vector<ErrorSums> sums_;  // By slab.
};

}  // namespace

std::vector<MeasuredErrors> measure_errors(const ModelReader& original, const ModelReader& restored,
                                           std::span<const TensorPair> pairs,
                                           const RunOptions& options) {
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
