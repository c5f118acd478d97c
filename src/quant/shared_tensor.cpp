#include "quant/shared_tensor.h"

#include <algorithm>
#include <optional>
#include <utility>

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
/// counted; when the guess proves good enough, that was all. An exact search reads the slabs again
/// before the codebook is made, and first with what the ordinary one found as a guess.
class QuantizeWork : public NamedWork {
 public:
  using NamedWork::NamedWork;

 private:
  enum class Stage { kNone, kSample, kCount, kProve, kReread, kEncode, kDone };

  std::uint64_t begin() override {
    if (stage_ == Stage::kNone) {
      stage_ = worth_sampling(planned()) ? Stage::kSample : Stage::kCount;
      report() = begin_report(planned());
      counts_.emplace(run_, index_);
    }
    if (stage_ == Stage::kDone) return 0;
    if (stage_ == Stage::kSample) return sample_parts(planned());
    return by_pieces() ? tallies_.size() : slabs();
  }

  void run(std::uint64_t part, Scratch& scratch) override {
    switch (stage_) {
      case Stage::kSample:
        return count_sample(run_, index_, part, *counts_, scratch);
      case Stage::kCount:
        return count(part, scratch);
      case Stage::kProve:
        return prove(part, scratch);
      case Stage::kReread:
        return exact_->read_slab(part, scratch);
      default:
        return balanced() ? encode_piece(part) : encode(part, scratch);
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
        if (!exact_->wants_parts()) return reread_or_finish();
        take_guess(exact_->likely(), weights_);
        return Stage::kProve;
      case Stage::kProve:
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
    return was_guessed() ? Stage::kDone : Stage::kEncode;
  }

  [[nodiscard]] bool balanced() const { return planned().balance.sets != Balance::kOff; }

  [[nodiscard]] bool by_pieces() const {
    return balanced() && stage_ != Stage::kReread && (stage_ == Stage::kEncode || guess_);
  }

  [[nodiscard]] std::uint64_t slabs() const { return slab_count(planned().info.count()); }

  void make_guess(const Distribution& sample) {
    // With zeros to keep levels follow no x0.
    if (keeps_zeros(sample, planned().settings)) return;
    Codebook found = fit_codebook(sample, planned().settings, run_.effort);
    if (planned().levels == Dtype::kF16) round_levels(sample, found);
    take_guess(std::move(found), sample);
  }

  void take_guess(Codebook codebook, const Distribution& weights) {
    guess_ = std::move(codebook);
    encoder_.emplace(*guess_, weights);
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
    encode_guessed_piece(piece, [&](WeightView block, std::uint8_t* codes) {
      moments += encoder_->find_and_count(block, counts_->pivot(), scratch.table, found, codes);
    });
    counts_->add(piece, moments);
    counts_->add(found);
  }

  /// Encodes with the guess, block by block.
  void encode_guessed_piece(std::uint64_t piece, const PieceEncoder& encode) {
    tallies_[piece] = encode_balanced_piece(
        run_, index_, piece, *guess_, [&](WeightView weights, std::uint8_t* codes) {
          for (std::size_t first = 0; first < weights.size; first += kBlock) {
            encode(weights.part(first, std::min(kBlock, weights.size - first)), codes + first);
          }
        });
  }

  /// Encodes with the guess while parts are counted.
  void prove(std::uint64_t part, Scratch& scratch) {
    if (balanced()) {
      return encode_guessed_piece(part, [&](WeightView block, std::uint8_t* codes) {
        exact_->count_parts(block);
        encoder_->find_codes(block, codes);
      });
    }
    encode_slab(
        run_, index_, part,
        [&](std::uint64_t, WeightView block, std::uint8_t* packed) {
          exact_->count_parts(block);
          encoder_->encode(block, packing_bits(report()), packed);
        },
        scratch);
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

  bool fit() {
    fit_tensor(run_, index_, weights_, guess_ ? &*guess_ : nullptr);
    return was_guessed();
  }

  /// Whether the codes that were written with the guess are right; balanced ones were so for its
  /// levels.
  bool was_guessed() {
    const Codebook& found = report().codebook;
    if (!guess_ || guess_->thresholds != found.thresholds) return false;
    if (balanced() && guess_->levels != found.levels) return false;
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
