#include "quant/sample.h"

#include <array>

#include "quant/encoder.h"
#include "quant/family.h"
#include "quant/float_slabs.h"

namespace wquant {
namespace {

constexpr std::uint64_t kRun = 1024;
/// Runs after which memory is given back.
constexpr std::uint64_t kRunsKept = 64;
/// With more bits 1 - rho is so small that few samples find an x0 close enough to the best.
constexpr int kMostBits = Encoder::kRegisterBits;

/// For tensors of at least so many weights, every stride-th run: a sample of a million weights or
/// more.
struct Rate {
  std::uint64_t weights, stride;
};
constexpr std::array<Rate, 2> kRates = {
    {{std::uint64_t{1} << 26, 61}, {std::uint64_t{1} << 24, 13}}};

std::uint64_t stride_of(std::uint64_t weights) {
  for (const Rate& rate : kRates) {
    if (weights >= rate.weights) return rate.stride;
  }
  return 0;
}

}  // namespace

bool worth_sampling(const PlannedTensor& planned) {
  const TensorSettings& settings = planned.settings;
  // Balancing needs the final levels.
  if (planned.balance.sets != Balance::kOff) return false;
  // Codes that have no fixed width are not found while weights are counted.
  if (settings.coding == Coding::kEntropy) return false;
  // Where x0 follows from the largest weight, a sample does not tell it.
  // Nor does a family that takes no guess use it.
  return find_family(settings.mode).space != nullptr && settings.bits <= kMostBits &&
         settings.range == RangeRule::kSearch && settings.ratio_rule != RatioRule::kRange &&
         settings.search == SearchRule::kAuto && stride_of(planned.info.count()) != 0;
}

std::optional<Distribution> sample_distribution(const RunState& run, std::size_t index,
                                                double pivot) {
  const std::uint64_t count = run.plan.tensors[index].info.count();
  const std::uint64_t step = stride_of(count) * kRun;
  KeyTable table;
  KeySums sums;
  Moments moments;
  std::vector<float> block;
  for (std::uint64_t first = 0; first + kRun <= count; first += step) {
    for_each_block(run.model, index, {first, kRun}, block, [&](std::uint64_t, WeightView weights) {
      moments += table.add(weights, pivot, sums);
    });
    // The pages around came with it.
    if (first / step % kRunsKept == 0) release(run.model, index, {0, first});
  }
  release(run.model, index, {0, count});
  table.drain(sums);
  try {
    return binned_distribution(sums, moments);
  } catch (const NonFiniteWeights&) {
    return {};
  }
}

}  // namespace wquant
