#include "quant/cell_work.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "base/cell_walk.h"
#include "base/float_convert.h"
#include "quant/cell_scales.h"
#include "quant/encoder.h"
#include "quant/error_sums.h"
#include "quant/named_work.h"

namespace wquant {
namespace {

/// A cell of at most so many weights in a row gets its scale from the slab that it lies in.
constexpr std::uint64_t kLocalRun = kSlab / 4;
/// Weights that scales are found for at a time, where slabs do not hold whole cells.
constexpr std::uint64_t kGathered = std::uint64_t{1} << 22;
/// Cells at a time at least: with channels inside they share cache lines.
constexpr std::uint64_t kLeastCells = 16;

/// Scales are stored as F16, divided by a power of two that makes the largest that is known less
/// than 2^4. So others may be 4000 times as large, or 2^-18 of it without losing bits.
constexpr int kLargestExponent = 4;
constexpr float kLargestHalf = 65504;

int exponent_for(float largest) {
  int exponent = 0;
  if (largest > 0) std::frexp(largest, &exponent);
  return exponent - kLargestExponent;
}

using CodeCounts = std::array<std::uint64_t, 256>;

/// Pairs of codes of up to 4 bits, which are as many as single codes of 8.
void count_pairs(std::span<const std::uint8_t> codes, CodeCounts& counts) {
  constexpr int kBits = 4;
  std::array<std::array<std::uint32_t, 256>, 4> tables = {};
  std::size_t i = 0;
  for (; i + 8 <= codes.size(); i += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, codes.data() + i, sizeof eight);
    eight |= eight >> kBits;  // Every other byte has a pair.
    for (std::size_t k = 0; k < tables.size(); ++k) ++tables[k][eight >> (16 * k) & 0xFF];
  }
  for (; i < codes.size(); ++i) ++counts[codes[i]];
  for (std::size_t pair = 0; pair < counts.size(); ++pair) {
    std::uint64_t count = 0;
    for (const auto& table : tables) count += table[pair];
    counts[pair & 0xF] += count;
    counts[pair >> kBits] += count;
  }
}

void count_codes(std::span<const std::uint8_t> codes, int bits, CodeCounts& counts) {
  if (bits <= 4) return count_pairs(codes, counts);
  // Several tables: a count need not wait for the one before.
  std::array<std::array<std::uint32_t, 256>, 4> tables = {};
  std::size_t i = 0;
  for (; i + tables.size() <= codes.size(); i += tables.size()) {
    for (std::size_t k = 0; k < tables.size(); ++k) ++tables[k][codes[i + k]];
  }
  for (; i < codes.size(); ++i) ++tables[0][codes[i]];
  for (const auto& table : tables) {
    for (std::size_t code = 0; code < counts.size(); ++code) counts[code] += table[code];
  }
}

std::vector<float> inverses_of(std::span<const float> scales) {
  std::vector<float> inverses;
  inverses.reserve(scales.size());
  for (const float scale : scales) inverses.push_back(scale > 0 ? 1 / scale : 0);
  return inverses;
}

double entropy_of(const CodeCounts& counts, double all) {
  double entropy = 0;
  for (const std::uint64_t count : counts) {
    const double share = static_cast<double>(count) / all;
    if (share > 0) entropy -= share * std::log2(share);
  }
  return entropy;
}

/// Levels are fitted to a sample of cells, then every cell gets the scale that suits its weights
/// best, then weights are encoded and summed up: where cells are short, slab by slab in one go. The
/// factor of the rescale, which all levels share, follows from the sums.
class CellWork : public NamedWork {
 public:
  using NamedWork::NamedWork;

 private:
  enum class Stage { kNone, kScale, kEncode, kDone };

  [[nodiscard]] const CellPlan& plan() const { return planned().cells; }
  [[nodiscard]] std::uint64_t weights() const { return planned().info.count(); }

  /// Whether slabs hold whole cells but for those at their ends.
  [[nodiscard]] bool is_local() const {
    return plan().run * plan().cells >= weights() && plan().run <= kLocalRun;
  }

  std::uint64_t begin() override {
    if (stage_ == Stage::kNone) prepare();
    if (stage_ == Stage::kDone) return 0;
    return stage_ == Stage::kScale ? (plan().cells + cells_at_a_time() - 1) / cells_at_a_time()
                                   : slab_count(weights());
  }

  void prepare() {
    report() = begin_report(planned());
    std::vector<float> head;
    const SlabRange range = {0, std::min<std::uint64_t>(kPivotWeights, weights())};
    pivot_ = static_cast<double>(
        static_cast<float>(pivot_of(floats_of(run_.model, index_, range, head))));
    try {
      codebook_ = fit_cells(run_, index_);
    } catch (const NonFiniteWeights&) {
      refuse_nonfinite(run_, index_);
    }
    encoder_.emplace(codebook_.book, codebook_.weights);
    exponent_ = exponent_for(codebook_.largest);
    if (!is_local()) scales_.resize(plan().cells);
    sums_.resize(slab_count(weights()));
    stage_ = is_local() ? Stage::kEncode : Stage::kScale;
  }

  void run(std::uint64_t part, Scratch& scratch) override {
    if (stage_ == Stage::kScale) {
      find_scales(part);
    } else {
      encode(part, scratch);
    }
  }

  void end() override {
    if (stage_ == Stage::kScale) {
      largest_ = *std::max_element(scales_.begin(), scales_.end());
      exponent_ = exponent_for(largest_);
      write_scales(0, scales_);
      stage_ = Stage::kEncode;
    } else if (largest_ > std::ldexp(kLargestHalf, exponent_)) {
      // What no sampled cell told: once more.
      exponent_ = exponent_for(largest_);
      run_.sink.restart(index_, Part::kCodes);
      run_.sink.restart(index_, Part::kScales);
      counts_ = {};
      std::fill(sums_.begin(), sums_.end(), ErrorSums());
    } else {
      stage_ = Stage::kDone;
      finish();
    }
  }

  [[nodiscard]] std::uint64_t cells_at_a_time() const {
    const std::uint64_t each =
        std::min(std::max<std::uint64_t>(weights() / plan().cells, 1), kMostOfCell);
    return std::clamp(kGathered / each, kLeastCells, std::max(plan().cells, kLeastCells));
  }

  void find_scales(std::uint64_t part) {
    const std::uint64_t first = part * cells_at_a_time();
    const std::uint64_t count = std::min(cells_at_a_time(), plan().cells - first);
    CellRows rows;
    rows.add(run_, index_, first, count, kMostOfCell);
    release(run_.model, index_, {0, weights()});
    ScaleFinder finder(codebook_, weights());
    for (std::uint64_t i = 0; i < count; ++i) scales_[first + i] = finder.find(rows.cell(i)).scale;
  }

  /// The scales of the cells that lie in the slab, wholly or in part.
  std::vector<float> scales_of(SlabRange range, Scratch& scratch) {
    const std::uint64_t run = plan().run;
    const std::uint64_t begin = range.first / run;
    const std::uint64_t end = (range.first + range.count + run - 1) / run;
    const SlabRange whole = {begin * run, std::min(end * run, weights()) - begin * run};
    const WeightView all = floats_of(run_.model, index_, whole, scratch.weights);
    std::vector<float> scales(end - begin);
    ScaleFinder(codebook_, weights()).find_all(all, run, scales);
    // A cell of two slabs gets the same from both; the one that it begins in writes it.
    const std::uint64_t begun = begin * run < range.first ? 1 : 0;
    write_scales(begin + begun, std::span(scales).subspan(begun));
    return scales;
  }

  void encode(std::uint64_t slab, Scratch& scratch) {
    const SlabRange range = slab_range(weights(), slab);
    const std::vector<float> own = is_local() ? scales_of(range, scratch) : std::vector<float>();
    const std::vector<float>& scales = is_local() ? own : scales_;
    // Weight that the first cell of `scales` begins at.
    const std::uint64_t origin = is_local() ? range.first / plan().run * plan().run : 0;
    const std::vector<float> inverses = inverses_of(scales);
    CodeCounts counts = {};
    std::vector<float> units(kBlock);
    std::vector<std::uint8_t> codes;
    const int bits = planned().settings.bits;
    encode_slab(
        run_, index_, slab,
        [&](std::uint64_t first, WeightView block, std::uint8_t* packed) {
          codes.resize(block.size);
          multiply_by_cell(plan(), first - origin, block.size, block.data, inverses.data(),
                           units.data());
          encoder_->find_codes({units.data(), block.size}, codes.data());
          kernels().pack(codes.data(), codes.size(), bits, packed);
          kernels().expand(codes.data(), codes.size(), codebook_.book.levels.data(), bits,
                           units.data());
          multiply_by_cell(plan(), first - origin, block.size, units.data(), scales.data(),
                           units.data());
          sums_[slab].add(block, units.data(), pivot_);
          count_codes(codes, bits, counts);
        },
        scratch);
    const std::lock_guard lock(mutex_);
    for (std::size_t code = 0; code < counts.size(); ++code) counts_[code] += counts[code];
    if (is_local()) largest_ = std::max(largest_, *std::max_element(own.begin(), own.end()));
  }

  void finish() {
    ErrorSums all;
    for (const ErrorSums& sums : sums_) all += sums;
    if (!std::isfinite(all.d2)) refuse_nonfinite(run_, index_);
    const double factor = all.factor(planned().settings.rescale, pivot_);
    TensorReport& result = report();
    result.codebook = std::move(codebook_.book);
    result.codebook.scale = factor;
    result.codebook.gap = std::numeric_limits<double>::quiet_NaN();
    all.fill(result, factor, pivot_);
    result.entropy = entropy_of(counts_, all.count);
    result.codebook.thresholds.clear();
    for (float& level : result.codebook.levels) {
      level = static_cast<float>(std::ldexp(static_cast<double>(level) * factor, exponent_));
    }
    run_.sink.write(index_, Part::kLevels, 0, std::as_bytes(std::span(result.codebook.levels)));
  }

  /// Writes scales of cells from `first` on.
  void write_scales(std::uint64_t first, std::span<const float> scales) {
    std::vector<float> stored;
    stored.reserve(scales.size());
    for (const float scale : scales) stored.push_back(std::ldexp(scale, -exponent_));
    std::vector<std::byte> halves(stored.size() * size_of(Dtype::kF16));
    from_floats(Dtype::kF16, stored, halves);
    run_.sink.write(index_, Part::kScales, first * size_of(Dtype::kF16), halves);
  }

  Stage stage_ = Stage::kNone;
  double pivot_ = 0;
  CellCodebook codebook_;
  std::optional<Encoder> encoder_;
  int exponent_ = 0;             // Stored scales are 2^-exponent_ of the scales.
  std::vector<float> scales_;    // By cell, where slabs do not hold whole cells.
  std::vector<ErrorSums> sums_;  // By slab.
  std::mutex mutex_;             // Of what follows, while slabs are encoded.
  float largest_ = 0;            // Of all scales.
  CodeCounts counts_ = {};
};

}  // namespace

std::unique_ptr<StagedWork> quantize_cells(const RunState& run, std::size_t index) {
  return std::make_unique<CellWork>(run, index);
}

void quantize_cells_here(const RunState& run, std::size_t index, unsigned worker) {
  CellWork work(run, index);
  while (const std::uint64_t parts = static_cast<StagedWork&>(work).begin_stage()) {
    for (std::uint64_t part = 0; part < parts; ++part) work.run_part(part, worker);
    work.end_stage();
  }
}

}  // namespace wquant
