#include "quant/cell_work.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/float_convert.h"
#include "quant/balanced_pieces.h"
#include "quant/cell_encoder.h"
#include "quant/named_work.h"
#include "quant/picture.h"
#include "quant/zero_level.h"

namespace wquant {
namespace {

/// Weights that levels are fitted to, and how often.
constexpr std::uint64_t kFitted = std::uint64_t{1} << 20;
constexpr int kRounds = 4;

/// A cell of at most so many weights in a row gets its scale from the slab that it lies in.
constexpr std::uint64_t kLocalRun = kSlab / 4;
/// Weights that scales are found for at a time, where slabs do not hold whole cells.
constexpr std::uint64_t kGathered = std::uint64_t{1} << 22;
/// Cells at a time at least: with channels inside they share cache lines.
constexpr std::uint64_t kLeastGathered = 16;

/// Scales are stored as F16, divided by a power of two that makes the largest that is known less
/// than 2^4. So others may be 4000 times as large, or 2^-18 of it without losing bits.
constexpr int kLargestExponent = 4;
constexpr float kLargestHalf = 65504;

int exponent_for(float largest) {
  int exponent = 0;
  if (largest > 0) std::frexp(largest, &exponent);
  return exponent - kLargestExponent;
}

/// The largest scale with which levels, rounded to a half, stay within float32.
double most_scale(const Codebook& book) {
  double largest = 0;
  for (const float level : book.levels) {
    largest = std::max(largest, std::fabs(static_cast<double>(level)));
  }
  constexpr double kMost = std::numeric_limits<float>::max() * (1 - 0x1p-9);
  return largest > 0 ? kMost / largest : kMost;
}

/// Levels times a factor and a power of two.
Codebook scaled(Codebook book, double factor, int exponent) {
  for (float& level : book.levels) {
    level = static_cast<float>(std::ldexp(static_cast<double>(level) * factor, exponent));
  }
  return book;
}

/// Levels are fitted to a sample of cells, then every cell gets the scale that suits its weights
/// best, then weights are encoded and summed up: where cells are short, slab by slab in one go. The
/// factor of the rescale, which all levels share, follows from the sums. With the levels final,
/// codes are balanced, where that is wanted: only then they are written.
class CellWork : public NamedWork {
 public:
  using NamedWork::NamedWork;

 private:
  enum class Stage { kNone, kScale, kEncode, kBalance, kDone };

  [[nodiscard]] const CellPlan& plan() const { return planned().cells; }
  [[nodiscard]] std::uint64_t weights() const { return planned().info.count(); }
  [[nodiscard]] bool balanced() const { return planned().balance.sets != Balance::kOff; }

  /// Whether slabs hold whole cells but for those at their ends.
  [[nodiscard]] bool is_local() const {
    return plan().run * plan().cells >= weights() && plan().run <= kLocalRun;
  }

  std::uint64_t begin() override {
    if (stage_ == Stage::kNone) prepare();
    switch (stage_) {
      case Stage::kScale:
        return (plan().cells + cells_at_a_time() - 1) / cells_at_a_time();
      case Stage::kEncode:
        return slab_count(weights());
      case Stage::kBalance:
        return balanced_pieces(planned());
      default:
        return 0;
    }
  }

  void prepare() {
    report() = begin_report(planned());
    try {
      codebook_ = fit_cells(run_.model, index_, planned(), {kFitted, kRounds, run_.effort});
    } catch (const NonFiniteWeights&) {
      refuse_nonfinite(run_, index_);
    }
    report().codebook.masked_code = codebook_.book.masked_code;
    report().loses_zeros = codebook_.loses_zeros;
    encoder_.emplace(plan(), codebook_, float_pivot(run_.model, index_));
    exponent_ = exponent_for(codebook_.largest);
    if (!is_local() || balanced()) scales_.resize(plan().cells);
    stage_ = is_local() ? Stage::kEncode : Stage::kScale;
    sums_.resize(slab_count(weights()));
  }

  void run(std::uint64_t part, Scratch& scratch) override {
    if (stage_ == Stage::kScale) {
      find_scales(part);
    } else if (stage_ == Stage::kEncode) {
      encode(part, scratch);
    } else {
      balance(part, scratch);
    }
  }

  void end() override {
    if (!std::isfinite(largest_)) refuse_nonfinite(run_, index_);
    switch (stage_) {
      case Stage::kScale:
        largest_ = *std::max_element(scales_.begin(), scales_.end());
        if (!std::isfinite(largest_)) refuse_nonfinite(run_, index_);
        exponent_ = exponent_for(largest_);
        run_.sink.write(index_, Part::kScales, 0, stored_scales(scales_));
        factors_.emplace(0, scales_);
        stage_ = Stage::kEncode;
        break;
      case Stage::kEncode:
        if (largest_ > std::ldexp(kLargestHalf, exponent_)) return encode_again();
        take_levels();
        stage_ = balanced() ? Stage::kBalance : Stage::kDone;
        break;
      default:
        report_balanced();
        stage_ = Stage::kDone;
    }
  }

  /// No sampled cell told of a scale that large.
  void encode_again() {
    exponent_ = exponent_for(largest_);
    if (!balanced()) run_.sink.restart(index_, Part::kCodes);
    run_.sink.restart(index_, Part::kScales);
    std::fill(sums_.begin(), sums_.end(), CellSums());
  }

  [[nodiscard]] std::uint64_t cells_at_a_time() const {
    const std::uint64_t each =
        std::min(std::max<std::uint64_t>(weights() / plan().cells, 1), kMostOfCell);
    return std::clamp(kGathered / each, kLeastGathered, std::max(plan().cells, kLeastGathered));
  }

  void find_scales(std::uint64_t part) {
    const std::uint64_t first = part * cells_at_a_time();
    const std::uint64_t count = std::min(cells_at_a_time(), plan().cells - first);
    CellRows rows;
    rows.add(run_.model, index_, plan(), first, count, kMostOfCell);
    release(run_.model, index_, {0, weights()});
    const ScaleFinder finder(codebook_, weights(), plan().cells);
    for (std::uint64_t i = 0; i < count; ++i) scales_[first + i] = finder.find(rows.cell(i)).scale;
  }

  struct CellRange {
    std::uint64_t begin, end;
  };
  /// The cells that lie in a range, wholly or in part, where they are local.
  [[nodiscard]] CellRange cells_of(SlabRange range) const {
    return {range.first / plan().run, (range.first + range.count + plan().run - 1) / plan().run};
  }

  /// The factors of the cells of a range, where they are local.
  [[nodiscard]] std::optional<CellFactors> local_factors(SlabRange range,
                                                         std::span<const float> scales) const {
    if (!is_local()) return {};
    return CellFactors(cells_of(range).begin * plan().run, scales);
  }

  /// Finds the scales of the cells that lie in the slab, wholly or in part.
  std::vector<float> scales_of(SlabRange range, Scratch& scratch) {
    const std::uint64_t run = plan().run;
    const auto [begin, end] = cells_of(range);
    const SlabRange whole = {begin * run, std::min(end * run, weights()) - begin * run};
    const WeightView all = floats_of(run_.model, index_, whole, scratch.weights);
    std::vector<float> scales(end - begin);
    ScaleFinder(codebook_, weights(), plan().cells).find_all(all, run, scales);
    const float largest = *std::max_element(scales.begin(), scales.end());
    const std::vector<std::byte> halves = stored_scales(scales);
    // A cell of two slabs gets the same from both; the one that it begins in keeps it.
    const std::uint64_t before = begin * run < range.first ? 1 : 0;
    const std::size_t half = size_of(Dtype::kF16);
    run_.sink.write(index_, Part::kScales, (begin + before) * half,
                    std::span(halves).subspan(before * half));
    const auto begun = std::span(scales).subspan(before);
    if (balanced()) std::copy(begun.begin(), begun.end(), &scales_[begin + before]);
    const std::lock_guard lock(mutex_);
    largest_ = std::max(largest_, largest);
    return scales;
  }

  void encode(std::uint64_t slab, Scratch& scratch) {
    const SlabRange range = slab_range(weights(), slab);
    const std::vector<float> own = is_local() ? scales_of(range, scratch) : std::vector<float>();
    const std::optional<CellFactors> own_factors = local_factors(range, own);
    const CellFactors& factors = own_factors ? *own_factors : *factors_;
    std::vector<std::uint8_t> codes;
    const auto encode_block = [&](std::uint64_t first, WeightView block) {
      codes.resize(block.size);
      encoder_->find_codes(first, block, factors, codes);
      encoder_->add_errors(first, block, factors, codes, codebook_.book, sums_[slab]);
    };
    if (balanced()) {
      for_each_block(run_.model, index_, range, scratch.block, encode_block);
      finish_read(run_, index_, range);
      return;
    }
    const int bits = packing_bits(report());
    encode_slab(
        run_, index_, slab,
        [&](std::uint64_t first, WeightView block, std::uint8_t* packed) {
          encode_block(first, block);
          kernels().pack(codes.data(), codes.size(), bits, packed);
        },
        scratch);
  }

  void balance(std::uint64_t piece, Scratch& scratch) {
    const SlabRange range = balanced_piece(planned(), piece);
    const WeightView all = floats_of(run_.model, index_, range, scratch.weights);
    const auto cells = is_local() ? cells_of(range) : CellRange{0, 0};
    const std::optional<CellFactors> own_factors =
        local_factors(range, std::span(scales_).subspan(cells.begin, cells.end - cells.begin));
    const CellFactors& factors = own_factors ? *own_factors : *factors_;
    std::vector<std::uint8_t> codes(range.count);
    const auto for_blocks = [&](auto&& f) {
      for (std::uint64_t at = 0; at < range.count; at += kBlock) {
        const std::uint64_t n = std::min(kBlock, range.count - at);
        f(range.first + at, all.part(at, n), std::span(codes).subspan(at, n));
      }
    };
    for_blocks([&](std::uint64_t first, WeightView block, std::span<std::uint8_t> found) {
      encoder_->find_codes(first, block, factors, found);
    });
    tallies_[piece] = balance_piece(planned(), final_, scales_, range.first, all, codes.data());
    for_blocks([&](std::uint64_t first, WeightView block, std::span<std::uint8_t> found) {
      encoder_->add_errors(first, block, factors, found, final_, sums_[piece]);
    });
    write_piece(run_, index_, range, codes);
  }

  [[nodiscard]] CellSums all_sums() const {
    CellSums all;
    for (const CellSums& sums : sums_) all += sums;
    return all;
  }

  /// With the factor that follows from the sums.
  void take_levels() {
    const CellSums all = all_sums();
    if (!std::isfinite(all.errors.moments.ww)) refuse_nonfinite(run_, index_);
    const double factor = all.errors.factor(planned().settings.rescale);
    TensorReport& result = report();
    result.codebook = scaled(codebook_.book, factor, exponent_);
    result.codebook.thresholds.clear();
    result.codebook.scale = factor;
    result.codebook.gap = std::numeric_limits<double>::quiet_NaN();
    all.errors.fill(result, factor);
    result.entropy = all.entropy();
    if (run_.pictures) {
      result.picture = picture_of(codebook_.weights, scaled(codebook_.book, factor, 0));
    }
    const std::vector<float> stored = levels_to_store(result.codebook, planned().settings.bits);
    run_.sink.write(index_, Part::kLevels, 0, std::as_bytes(std::span(stored)));
    if (!balanced()) return;
    final_ = scaled(codebook_.book, factor, 0);
    tallies_.resize(balanced_pieces(planned()));
    sums_.assign(tallies_.size(), {});
  }

  void report_balanced() {
    BalanceTally tally;
    for (const BalanceTally& one : tallies_) tally.add(one);
    TensorReport& result = report();
    result.balance_figures = {tally.moved, result.codebook.rho, tally.largest_sum_before,
                              tally.largest_sum_after};
    const CellSums all = all_sums();
    const double unscaled = result.codebook.relative_error_unscaled;
    all.errors.fill(result, 1);
    result.codebook.relative_error_unscaled = unscaled;
    result.entropy = all.entropy();
  }

  /// The halves that scales are stored as. The scales become what a reader makes of them: less than
  /// 2^-18 of the largest, they lose bits.
  [[nodiscard]] std::vector<std::byte> stored_scales(std::span<float> scales) const {
    std::vector<std::byte> halves(scales.size() * size_of(Dtype::kF16));
    const double inverse = std::ldexp(1.0, -exponent_), most = most_scale(codebook_.book);
    for (float& scale : scales) {
      scale = static_cast<float>(std::min(static_cast<double>(scale), most) * inverse);
    }
    from_floats(Dtype::kF16, scales, halves);
    to_floats(Dtype::kF16, halves, scales);
    const double unit = std::ldexp(1.0, exponent_);
    for (float& scale : scales) scale = static_cast<float>(scale * unit);
    return halves;
  }

  Stage stage_ = Stage::kNone;
  CellCodebook codebook_;
  std::optional<CellEncoder> encoder_;
  int exponent_ = 0;           // Stored scales are 2^-exponent_ of the scales.
  std::vector<float> scales_;  // By cell, where slabs do not hold whole cells or will be balanced.
  std::optional<CellFactors> factors_;  // Of all of them, where slabs do not hold whole cells.
  std::vector<CellSums> sums_;          // By slab, later by piece.
  std::mutex mutex_;                    // Of largest_, while slabs are encoded.
  float largest_ = 0;                   // Of all scales.
  Codebook final_;                      // With the factor of the rescale, for balancing.
  std::vector<BalanceTally> tallies_;   // By piece.
};

}  // namespace

std::unique_ptr<StagedWork> quantize_cells(const RunState& run, std::size_t index) {
  return std::make_unique<CellWork>(run, index);
}

}  // namespace wquant
