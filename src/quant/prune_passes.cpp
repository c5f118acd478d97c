#include "quant/prune_passes.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/staged_work.h"
#include "base/text.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::uint64_t kWordBits = 64;

/// A weight that cannot be ranked.
struct Fault {
  const MatchedModel* model = nullptr;  ///< Null: there is none.
  std::uint64_t index = 0;
  std::string problem, remedy;
};

/// What all threads of a pass share.
struct PassState {
  const PruneModels& models;
  const PruneKeys& keys;
  MaskBits& bits;
  Meter& meter;
  std::vector<PruneScratch>& scratch;  ///< By thread.
};

/// A pass over one tensor; its parts are slabs.
class PassWork : public StagedWork {
 public:
  PassWork(const PassState& pass, std::size_t tensor) : pass_(pass), tensor_(tensor) {}

  std::uint64_t begin_stage() override {
    return std::exchange(begun_, true) ? 0 : slab_count(weights());
  }

  void run_part(std::uint64_t slab, unsigned worker) override {
    const SlabRange range = slab_range(weights(), slab);
    for (std::uint64_t done = 0; done < range.count; done += kBlock) {
      add(slab, {range.first + done, std::min(kBlock, range.count - done)}, worker);
    }
    end_slab(slab, worker);
    for (const MatchedModel* matched : pass_.keys.models()) {
      release(*matched->model, matched->tensors[tensor_], range);
    }
    pass_.meter.add(range.count * pass_.keys.bytes_of_weight(tensor_));
  }

  void leave(unsigned /*worker*/) override {}
  void end_stage() override {}

 protected:
  virtual void add(std::uint64_t slab, SlabRange block, unsigned worker) = 0;
  virtual void end_slab(std::uint64_t /*slab*/, unsigned /*worker*/) {}

  [[nodiscard]] std::uint64_t weights() const {
    return pass_.models.plan.tensors[tensor_].info.count();
  }
  /// The keys of a block.
  [[nodiscard]] std::span<PruneKey> find_keys(SlabRange block, unsigned worker) const {
    PruneScratch& scratch = pass_.scratch[worker];
    pass_.keys.find(tensor_, block, pass_.bits.first_weight(tensor_), scratch);
    return scratch.keys;
  }
  /// The words of a block.
  [[nodiscard]] std::span<std::uint64_t> words(SlabRange block) const {
    return pass_.bits.words(tensor_).subspan(block.first / kWordBits,
                                             (block.count + kWordBits - 1) / kWordBits);
  }

  const PassState pass_;
  const std::size_t tensor_;

 private:
  bool begun_ = false;
};

/// Sets the bits of a block where gone(i), and the keys of these to kGone.
template <typename F>
void mark_gone(std::span<PruneKey> keys, std::span<std::uint64_t> words, F&& gone) {
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::size_t first = at * kWordBits;
    const std::size_t count = std::min<std::size_t>(kWordBits, keys.size() - first);
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const bool is_gone = gone(first + i);
      word |= std::uint64_t{is_gone} << i;
      keys[first + i] = is_gone ? kGone : keys[first + i];
    }
    words[at] = word;
  }
}

/// The first pass.
class CountWork : public PassWork {
 public:
  CountWork(const PassState& pass, std::size_t tensor, const MatchedModel* previous,
            std::vector<KeyCounts>& counts)
      : PassWork(pass, tensor),
        previous_(previous),
        counts_(counts),
        faults_(slab_count(weights())) {}

  /// Throws for the first weight that cannot be ranked.
  void end_stage() override {
    for (Fault& fault : faults_) {
      if (fault.model == nullptr) continue;
      throw Error(fmt::format("{} at index {}", fault.problem, fault.index), fault.remedy)
          .at_tensor(pass_.models.plan.tensors[tensor_].info.name)
          .at_file(fault.model->model->path());
    }
  }

 protected:
  void add(std::uint64_t slab, SlabRange block, unsigned worker) override {
    Fault& fault = faults_[slab];
    if (fault.model != nullptr) return;
    PruneScratch& scratch = pass_.scratch[worker];
    if (!pass_.keys.all_finite(tensor_, block, scratch)) {
      fault = nonfinite(block, scratch);
      return;
    }
    const std::span<PruneKey> keys = find_keys(block, worker);
    const WeightView control = pass_.keys.control(tensor_, block, scratch);
    if (previous_ == nullptr) {
      mark_gone(keys, words(block), [&](std::size_t i) { return control.data[i] == 0; });
    } else {
      fault = mark_masked(block, control, keys);
    }
    counts_[worker].add(keys);
  }

 private:
  /// The first weight of a block that is NaN or infinite, by model.
  [[nodiscard]] Fault nonfinite(SlabRange block, PruneScratch& scratch) const {
    for (const MatchedModel* matched : pass_.keys.models()) {
      const WeightView weights =
          floats_of(*matched->model, matched->tensors[tensor_], block, scratch.other);
      for (std::size_t i = 0; i < weights.size; ++i) {
        if (std::isfinite(weights.data[i])) continue;
        return {matched, block.first + i, "is NaN or infinite", "repair the model"};
      }
    }
    return {};
  }

  /// Marks what the mask has 0 for. Returns the first weight that is no 0 there.
  [[nodiscard]] Fault mark_masked(SlabRange block, WeightView control,
                                  std::span<PruneKey> keys) const {
    std::vector<std::byte> mask(block.count);
    previous_->model->read(previous_->tensors[tensor_], block.first, mask);
    Fault fault;
    mark_gone(keys, words(block), [&](std::size_t i) {
      const bool is_gone = mask[i] == std::byte{0};
      const bool is_mask = is_gone || mask[i] == std::byte{1};
      const bool is_kept_to = !is_gone || control.data[i] == 0;
      if (fault.model == nullptr && !(is_mask && is_kept_to)) {
        fault = is_mask
                    ? Fault{&pass_.models.folds.front().control, block.first + i,
                            "is not 0 where the mask is", "train with the mask so that zeros stay"}
                    : Fault{previous_, block.first + i, "is neither 0 nor 1",
                            "give the mask that was written with the model"};
      }
      return is_gone;
    });
    return fault;
  }

  const MatchedModel* const previous_;
  std::vector<KeyCounts>& counts_;  // By thread.
  std::vector<Fault> faults_;       // By slab.
};

/// The second pass: sets the bits of all that ranks above the bin and gathers the bin's members.
class RemoveWork : public PassWork {
 public:
  RemoveWork(const PassState& pass, std::size_t tensor, const KeyBin& bin, std::uint64_t first_slab,
             BinMembers& members, std::vector<std::vector<std::uint32_t>>& gathered)
      : PassWork(pass, tensor),
        bin_(bin),
        first_slab_(first_slab),
        members_(members),
        gathered_(gathered) {}

 protected:
  void add(std::uint64_t slab, SlabRange block, unsigned worker) override {
    const std::span<const PruneKey> keys = find_keys(block, worker);
    const std::span<std::uint64_t> removed = words(block);
    std::vector<std::uint32_t>& found = gathered_[worker];
    const auto place = static_cast<std::uint32_t>(block.first - slab * kSlab);
    for (std::size_t at = 0; at < removed.size(); ++at) {
      const std::uint64_t before = removed[at];
      const std::size_t first = at * kWordBits;
      const std::size_t count = std::min<std::size_t>(kWordBits, keys.size() - first);
      std::uint64_t above = 0;
      std::uint64_t within = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t upper = keys[first + i] >> kLowKeyBits;
        above |= std::uint64_t{upper > bin_.upper} << i;
        within |= std::uint64_t{upper == bin_.upper} << i;
      }
      removed[at] = before | above;
      for (within &= ~before; within != 0; within &= within - 1) {
        const auto i = static_cast<std::uint32_t>(first) +
                       static_cast<std::uint32_t>(std::countr_zero(within));
        found.push_back((place + i) << kLowKeyBits | (keys[i] & kLowKeyMask));
      }
    }
  }

  void end_slab(std::uint64_t slab, unsigned worker) override {
    members_.put(first_slab_ + slab, gathered_[worker]);
    gathered_[worker].clear();
  }

 private:
  const KeyBin bin_;
  const std::uint64_t first_slab_;
  BinMembers& members_;
  std::vector<std::vector<std::uint32_t>>& gathered_;  // By thread, of the slab at hand.
};

/// The tensors that are ranked.
std::vector<std::size_t> ranked_tensors(const Plan& plan) {
  std::vector<std::size_t> ranked;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    if (plan.tensors[i].quantized && !plan.tensors[i].same_as) ranked.push_back(i);
  }
  return ranked;
}

std::uint64_t bytes_of(const PruneModels& models, const PruneKeys& keys) {
  std::uint64_t bytes = 0;
  for (const std::size_t tensor : ranked_tensors(models.plan)) {
    bytes += models.plan.tensors[tensor].info.count() * keys.bytes_of_weight(tensor);
  }
  return bytes;
}

/// Runs make(tensor) for every one that is ranked.
template <typename F>
void run_pass(const Plan& plan, unsigned threads, F&& make) {
  const std::vector<std::size_t> tensors = ranked_tensors(plan);
  std::size_t next = 0;
  run_staged(threads, [&]() -> std::unique_ptr<StagedWork> {
    if (next == tensors.size()) return nullptr;
    return make(tensors[next++]);
  });
}

}  // namespace

PrunePasses::PrunePasses(const PruneModels& models, const PruneSettings& settings, MaskBits& bits,
                         const RunOptions& options)
    : models_(models),
      keys_(models, settings),
      bits_(bits),
      threads_(thread_count(options.threads)),
      meter_(options, (settings.count > 0 ? 2 : 1) * bytes_of(models, keys_)),
      scratch_(threads_) {}

KeyCounts PrunePasses::count_keys(const ModelReader* previous) {
  std::optional<MatchedModel> mask;
  if (previous != nullptr) mask = match_mask(*previous, models_.control(), models_.plan);
  std::vector<KeyCounts> counts(threads_);
  const PassState pass{models_, keys_, bits_, meter_, scratch_};
  run_pass(models_.plan, threads_, [&](std::size_t tensor) {
    return std::make_unique<CountWork>(pass, tensor, mask ? &*mask : nullptr, counts);
  });
  for (std::size_t i = 1; i < counts.size(); ++i) counts.front() += counts[i];
  return std::move(counts.front());
}

BinMembers::Choice PrunePasses::remove(const KeyBin& bin) {
  std::vector<std::uint64_t> first_slabs;  // By tensor that is ranked.
  std::uint64_t slabs = 0;
  const std::vector<std::size_t> tensors = ranked_tensors(models_.plan);
  for (const std::size_t tensor : tensors) {
    first_slabs.push_back(slabs);
    slabs += slab_count(models_.plan.tensors[tensor].info.count());
  }
  BinMembers members(bin, slabs);
  std::vector<std::vector<std::uint32_t>> gathered(threads_);
  const PassState pass{models_, keys_, bits_, meter_, scratch_};
  std::size_t begun = 0;
  run_pass(models_.plan, threads_, [&](std::size_t tensor) {
    return std::make_unique<RemoveWork>(pass, tensor, bin, first_slabs[begun++], members, gathered);
  });
  std::size_t at = 0;
  return members.choose([&](std::uint64_t slab, std::uint32_t place) {
    while (at + 1 < tensors.size() && first_slabs[at + 1] <= slab) ++at;
    const std::uint64_t weight = (slab - first_slabs[at]) * kSlab + place;
    bits_.words(tensors[at])[weight / kWordBits] |= std::uint64_t{1} << (weight % kWordBits);
  });
}

}  // namespace wquant
