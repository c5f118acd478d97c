#include "quant/slab_counts.h"

#include "quant/float_slabs.h"
#include "quant/tensor_steps.h"

namespace wquant {

SlabCounts::SlabCounts(const RunState& run, std::size_t index)
    : run_(run),
      index_(index),
      pivot_(read_pivot(run, index)),
      moments_(slab_count(run.plan.tensors[index].info.count())) {}

void SlabCounts::count(std::uint64_t slab, Scratch& scratch) {
  KeySums found;
  add(slab, count_slab(run_, index_, slab, pivot_, found, scratch));
  add(found);
}

void SlabCounts::add(std::uint64_t slab, const Moments& moments) { moments_[slab] += moments; }

void SlabCounts::add(const KeySums& sums) {
  if (sums.empty()) return;
  const std::lock_guard lock(mutex_);
  merge(sums_, sums);
}

void SlabCounts::leave(Scratch& scratch) {
  KeySums found;
  scratch.table.drain(found);
  add(found);
}

Distribution SlabCounts::distribution() const {
  Moments moments;
  for (const Moments& slab : moments_) moments += slab;
  try {
    return binned_distribution(sums_, moments);
  } catch (const NonFiniteWeights&) {
    refuse_nonfinite(run_, index_);
  }
}

}  // namespace wquant
