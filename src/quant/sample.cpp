#include "quant/sample.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "quant/encoder.h"
#include "quant/family.h"
#include "quant/float_slabs.h"

namespace wquant {
namespace {

constexpr std::uint64_t kRun = 1024;
/// Runs that make a part.
constexpr std::uint64_t kRuns = 64;
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

/// Weights from one run to the next, and those that a part goes over.
std::uint64_t step_of(const PlannedTensor& planned) {
  return stride_of(planned.info.count()) * kRun;
}
std::uint64_t part_size(const PlannedTensor& planned) { return step_of(planned) * kRuns; }

/// Copied: a page that is touched in a mapped file may map two megabytes around it, and all of
/// them will be mapped again when they are counted.
void read_run(const ModelReader& model, std::size_t index, std::uint64_t first,
              std::vector<float>& run) {
  run.resize(kRun);
  if (model.tensors()[index].dtype == Dtype::kF32) {
    model.read(index, first * sizeof(float), std::as_writable_bytes(std::span(run)));
  } else {
    model.read_floats(index, first, run);
  }
}

}  // namespace

bool worth_sampling(const PlannedTensor& planned) {
  const TensorSettings& settings = planned.settings;
  // Codes that have no fixed width are not found while weights are counted.
  if (settings.coding == Coding::kEntropy) return false;
  // Where x0 follows from the largest weight, a sample does not tell it.
  // Nor does a family that takes no guess use it.
  return find_family(settings.mode).space != nullptr && settings.bits <= kMostBits &&
         settings.range == RangeRule::kSearch && settings.ratio_rule != RatioRule::kRange &&
         settings.search == SearchRule::kAuto && stride_of(planned.info.count()) != 0;
}

std::uint64_t sample_parts(const PlannedTensor& planned) {
  const std::uint64_t part = part_size(planned);
  return (planned.info.count() + part - 1) / part;
}

void count_sample(const RunState& run, std::size_t index, std::uint64_t part, SlabCounts& counts,
                  Scratch& scratch) {
  const PlannedTensor& planned = run.plan.tensors[index];
  const std::uint64_t begin = part * part_size(planned);
  const std::uint64_t end = std::min(begin + part_size(planned), planned.info.count());
  KeySums sums;
  Moments moments;
  for (std::uint64_t first = begin; first + kRun <= end; first += step_of(planned)) {
    read_run(run.model, index, first, scratch.block);
    moments += scratch.table.add({scratch.block.data(), kRun}, counts.pivot(), sums);
  }
  // The pages around came with it.
  release(run.model, index, {begin, end - begin});
  counts.add(part, moments);
  counts.add(sums);
}

}  // namespace wquant
