#include "quant/shared_tensor.h"

#include <algorithm>
#include <optional>

#include "quant/balanced_pieces.h"
#include "quant/code_statistics.h"
#include "quant/encoder.h"
#include "quant/exact_stages.h"
#include "quant/family.h"
#include "quant/float_slabs.h"
#include "quant/named_work.h"
#include "quant/sample.h"
#include "quant/slab_counts.h"
#include "quant/tensor_steps.h"
#include "quant/zero_level.h"

namespace wquant {
namespace {

/// First all slabs are counted, then the codebook is fitted, then all slabs are encoded. What the
/// threads found is put together in the order of the slabs or in integers, so it does not depend on
/// who did what. A large tensor is encoded with a guess of the codebook, from a sample, while it is
/// counted; when the guess proves good enough, that was all. An exact search gathers some weights
/// of all slabs before the codebook is made.
class QuantizeWork : public NamedWork {
 public:
  using NamedWork::NamedWork;

 private:
  enum class Stage { kNone, kSample, kCount, kReread, kEncode, kDone };

  std::uint64_t begin() override {
    if (stage_ == Stage::kNone) {
      stage_ = worth_sampling(planned()) ? Stage::kSample : Stage::kCount;
      report() = begin_report(planned());
      counts_.emplace(run_, index_);
    }
    if (stage_ == Stage::kDone) return 0;
    if (stage_ == Stage::kSample) return sample_parts(planned());
    const bool by_pieces = balanced() && (stage_ == Stage::kEncode || guess_.has_value());
    return by_pieces ? tallies_.size() : slabs();
  }

  void run(std::uint64_t part, Scratch& scratch) override {
    if (stage_ == Stage::kSample) {
      count_sample(run_, index_, part, *counts_, scratch);
    } else if (stage_ == Stage::kCount) {
      count(part, scratch);
    } else if (stage_ == Stage::kReread) {
      exact_->read_slab(part, scratch);
    } else if (balanced()) {
      encode_piece(part);
    } else {
      encode(part, scratch);
    }
  }

  void leave(Scratch& scratch) override {
    if (counts_) counts_->leave(scratch);
  }

  void end() override {
    stage_ = next_stage();
    if (stage_ == Stage::kDone && balanced()) report_balance(run_, index_, weights_, tallies_);
    if (stage_ != Stage::kEncode) return;
    if (guess_) run_.sink.restart(index_, Part::kCodes);
    if (balanced()) tallies_.assign(balanced_pieces(planned()), {});
    encoder_.emplace(report().codebook, weights_);
  }

  Stage next_stage() {
    switch (stage_) {
      case Stage::kSample:
        make_guess(counts_->distribution());
        counts_.emplace(run_, index_);
        return Stage::kCount;
      case Stage::kCount:
        weights_ = counts_->distribution();
        counts_.reset();
        if (!is_exact()) return fit() ? Stage::kDone : Stage::kEncode;
        exact_.emplace(run_, index_, weights_);
        return reread_or_finish();
      case Stage::kReread:
        exact_->end_read();
        return reread_or_finish();
      default:
        return Stage::kDone;
    }
  }

  [[nodiscard]] bool is_exact() const { return planned().settings.search == SearchRule::kExact; }

  Stage reread_or_finish() {
    if (exact_->wants_read()) return Stage::kReread;
    exact_->finish();
    exact_.reset();
    return Stage::kEncode;
  }

  [[nodiscard]] bool balanced() const { return planned().balance.sets != Balance::kOff; }

  [[nodiscard]] std::uint64_t slabs() const { return slab_count(planned().info.count()); }

  void make_guess(const Distribution& sample) {
    // With zeros to keep levels follow no x0.
    if (keeps_zeros(sample, planned().settings)) return;
    guess_ = fit_codebook(sample, planned().settings, run_.effort);
    if (planned().levels == Dtype::kF16) round_levels(sample, *guess_);
    encoder_.emplace(*guess_, sample);
    if (balanced()) tallies_.resize(balanced_pieces(planned()));
  }

  void count(std::uint64_t slab, Scratch& scratch) {
    if (!guess_) return counts_->count(slab, scratch);
    if (balanced()) return count_piece(slab, scratch);
    KeySums found;
    encode_slab(
        run_, index_, slab,
        [&](std::uint64_t, WeightView block, std::uint8_t* packed) {
          counts_->add(slab, encoder_->encode_and_count(block, counts_->pivot(), scratch.table,
                                                        found, packed));
        },
        scratch);
    counts_->add(found);
  }

  /// A piece has no fewer weights than a slab, so its moments have a place.
  void count_piece(std::uint64_t piece, Scratch& scratch) {
    KeySums found;
    Moments moments;
    tallies_[piece] = encode_balanced_piece(
        run_, index_, piece, *guess_, [&](WeightView weights, std::uint8_t* codes) {
          for (std::size_t first = 0; first < weights.size; first += kBlock) {
            const WeightView block = weights.part(first, std::min(kBlock, weights.size - first));
            moments += encoder_->find_and_count(block, counts_->pivot(), scratch.table, found,
                                                codes + first);
          }
        });
    counts_->add(piece, moments);
    counts_->add(found);
  }

  void encode_piece(std::uint64_t piece) {
    tallies_[piece] = encode_balanced_piece(
        run_, index_, piece, report().codebook,
        [&](WeightView weights, std::uint8_t* codes) { encoder_->find_codes(weights, codes); });
  }

  void encode(std::uint64_t slab, Scratch& scratch) {
    encode_slab(
        run_, index_, slab,
        [&](std::uint64_t, WeightView block, std::uint8_t* packed) {
          encoder_->encode(block, packing_bits(report()), packed);
        },
        scratch);
  }

  /// Returns true when the codes that were written with the guess are right.
  bool fit() {
    fit_tensor(run_, index_, weights_, guess_ ? &*guess_ : nullptr);
    if (!guess_ || guess_->thresholds != report().codebook.thresholds) return false;
    run_.meter.add(planned().info.bytes());  // The second pass that is not needed.
    return true;
  }

  Stage stage_ = Stage::kNone;
  std::optional<SlabCounts> counts_;
  Distribution weights_;
  std::vector<BalanceTally> tallies_;  // By piece, of a balanced tensor.
  std::optional<Codebook> guess_;
  std::optional<ExactStages> exact_;
  std::optional<Encoder> encoder_;
};

class CopyWork : public NamedStage {
 public:
  using NamedStage::NamedStage;

 private:
  std::uint64_t begin_parts() override {
    report() = begin_report(planned());
    return (planned().info.bytes() + kCopySlab - 1) / kCopySlab;
  }
  void run(std::uint64_t slab, Scratch& /*scratch*/) override { copy_slab(run_, index_, slab); }
};

}  // namespace

std::unique_ptr<StagedWork> quantize_shared(const RunState& run, std::size_t index) {
  return std::make_unique<QuantizeWork>(run, index);
}

std::unique_ptr<StagedWork> copy_shared(const RunState& run, std::size_t index) {
  return std::make_unique<CopyWork>(run, index);
}

}  // namespace wquant
