#include "quant/half_work.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "base/float_convert.h"
#include "quant/error_sums.h"
#include "quant/named_work.h"

namespace wquant {
namespace {

/// The largest that is not rounded to infinity is half a step above 65504.
constexpr float kBeyondHalf = 65520;

/// One read: weights are rounded, written and summed up slab by slab.
class HalfWork : public NamedStage {
 public:
  using NamedStage::NamedStage;

 private:
  std::uint64_t begin_parts() override {
    report() = begin_report(planned());
    pivot_ = float_pivot(run_.model, index_);
    sums_.resize(slab_count(planned().info.count()));
    return sums_.size();
  }

  void run(std::uint64_t slab, Scratch& scratch) override {
    const SlabRange range = slab_range(planned().info.count(), slab);
    std::vector<std::byte> halves(range.count * size_of(Dtype::kF16));
    std::vector<float> rounded(kBlock);
    for_each_block(
        run_.model, index_, range, scratch.block, [&](std::uint64_t first, WeightView block) {
          const auto out = std::span(halves).subspan((first - range.first) * size_of(Dtype::kF16),
                                                     block.size * size_of(Dtype::kF16));
          const std::span<float> floats = std::span(rounded).first(block.size);
          block.copy_to(floats.data());
          check_range(floats);
          from_floats(Dtype::kF16, floats, out);
          to_floats(Dtype::kF16, out, floats);
          sums_[slab].add(block, floats.data(), pivot_);
        });
    release(run_.model, index_, range);
    run_.sink.write(index_, Part::kData, range.first * size_of(Dtype::kF16), halves);
    run_.meter.add(range.count * size_of(planned().info.dtype));
  }

  void check_range(std::span<const float> weights) const {
    for (const float weight : weights) {
      if (std::fabs(weight) < kBeyondHalf) continue;
      if (!std::isfinite(weight)) refuse_nonfinite(run_, index_);
      refuse_beyond_half();
    }
  }

  void end() override {
    ErrorSums all;
    for (const ErrorSums& sums : sums_) all += sums;
    all.fill(report(), 1);
    report().codebook.gap = std::numeric_limits<double>::quiet_NaN();
  }

  double pivot_ = 0;
  std::vector<ErrorSums> sums_;  // By slab.
};

}  // namespace

std::unique_ptr<StagedWork> quantize_to_halves(const RunState& run, std::size_t index) {
  return std::make_unique<HalfWork>(run, index);
}

void refuse_beyond_half() {
  throw Error("holds weights beyond 65504, the largest number of F16", "give it another coding");
}

std::optional<double> half_error(Dtype dtype, const Distribution& weights) {
  constexpr int kDigits = 11, kLeastExponent = -13;
  if (dtype == Dtype::kF16) return 0;
  if (weights.bins() > 0 && weights.upper(weights.bins() - 1) >= kBeyondHalf) return {};
  if (weights.variance() == 0) return 0;
  double squares = 0;
  for (std::size_t bin = 0; bin < weights.bins(); ++bin) {
    if (weights.upper(bin) == 0) continue;  // They stay 0.
    const int exponent = std::max(std::ilogb(weights.upper(bin)) + 1, kLeastExponent);
    const double step = std::ldexp(1.0, exponent - kDigits);
    squares += step * step / 12 * (weights.tail(bin).count - weights.tail(bin + 1).count);
  }
  return squares / weights.count() / weights.variance();
}

}  // namespace wquant
