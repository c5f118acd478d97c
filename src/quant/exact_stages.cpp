#include "quant/exact_stages.h"

#include <utility>

#include "quant/float_slabs.h"
#include "quant/tensor_steps.h"

namespace wquant {

ExactStages::ExactStages(const RunState& run, std::size_t index, Distribution& weights)
    : run_(run),
      index_(index),
      weights_(weights),
      search_(weights, run.plan.tensors[index].settings, run.effort) {
  prepare();
}

bool ExactStages::wants_read() const { return search_.needs_parts() || !gathered_.empty(); }

void ExactStages::prepare() {
  if (search_.needs_parts() || !search_.needs_weights()) return;
  gathered_.resize(slab_count(run_.plan.tensors[index_].info.count()));
}

void ExactStages::read_slab(std::uint64_t slab, Scratch& scratch) {
  const TensorInfo& info = run_.plan.tensors[index_].info;
  if (search_.needs_parts()) {
    count_parts(slab, scratch);
  } else {
    gather(slab, scratch);
  }
  const SlabRange range = slab_range(info.count(), slab);
  finish_read(run_, index_, range);
  // One read was foreseen.
  run_.meter.add(reads_ == 0 ? range.count * size_of(info.dtype) : 0);
}

void ExactStages::count_parts(std::uint64_t slab, Scratch& scratch) {
  PartTable parts = take_parts();
  const SlabRange range = slab_range(run_.plan.tensors[index_].info.count(), slab);
  for_each_block(run_.model, index_, range, scratch.block,
                 [&](std::uint64_t, WeightView weights) { parts.add(weights); });
  const std::lock_guard lock(mutex_);
  parts_.push_back(std::move(parts));
}

/// Any table will do: what they hold in the end is added up, in integers.
PartTable ExactStages::take_parts() {
  {
    const std::lock_guard lock(mutex_);
    if (!parts_.empty()) {
      PartTable parts = std::move(parts_.back());
      parts_.pop_back();
      return parts;
    }
  }
  return search_.part_table(weights_);
}

void ExactStages::gather(std::uint64_t slab, Scratch& scratch) {
  const SlabRange range = slab_range(run_.plan.tensors[index_].info.count(), slab);
  for_each_block(run_.model, index_, range, scratch.block, [&](std::uint64_t, WeightView weights) {
    search_.marks().gather(weights, gathered_[slab]);
  });
}

void ExactStages::end_read() {
  ++reads_;
  if (!search_.needs_parts()) return finish_gathering();
  for (std::size_t i = 1; i < parts_.size(); ++i) parts_.front() += parts_[i];
  search_.refine(parts_.front(), weights_);
  parts_.clear();
  prepare();
}

void ExactStages::finish_gathering() {
  for (std::vector<float>& slab : gathered_) {
    all_.insert(all_.end(), slab.begin(), slab.end());
    slab = {};
  }
  gathered_.clear();
}

void ExactStages::finish() {
  if (reads_ == 0) run_.meter.add(run_.plan.tensors[index_].info.bytes());
  take_codebook(run_, index_, weights_, search_.finish(all_, weights_));
}

}  // namespace wquant
