#include "quant/exact_stages.h"

#include <utility>

#include "quant/code_statistics.h"
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

Codebook ExactStages::likely() const {
  Codebook book = search_.likely(weights_);
  if (run_.plan.tensors[index_].levels == Dtype::kF16) round_levels(weights_, book);
  return book;
}

bool ExactStages::wants_read() const { return search_.needs_parts() || !gathered_.empty(); }

void ExactStages::prepare() {
  if (search_.needs_parts() || !search_.needs_weights()) return;
  gathered_.resize(slab_count(run_.plan.tensors[index_].info.count()));
}

void ExactStages::read_slab(std::uint64_t slab, Scratch& scratch) {
  const TensorInfo& info = run_.plan.tensors[index_].info;
  const SlabRange range = slab_range(info.count(), slab);
  for_each_block(run_.model, index_, range, scratch.block, [&](std::uint64_t, WeightView weights) {
    if (wants_parts()) {
      count_parts(weights);
    } else {
      search_.gather(weights, gathered_[slab]);
    }
  });
  finish_read(run_, index_, range);
  // One read was foreseen.
  run_.meter.add(reads_ == 0 ? range.count * size_of(info.dtype) : 0);
}

void ExactStages::count_parts(WeightView weights) {
  PartTable parts = take_parts();
  parts.add(weights);
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

void ExactStages::end_read() {
  ++reads_;
  if (!search_.needs_parts()) return finish_gathering();
  for (std::size_t i = 1; i < parts_.size(); ++i) parts_.front() += parts_[i];
  parts_.erase(parts_.begin() + 1, parts_.end());
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
