#include "quant/cell_scales.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "quant/encoder.h"
#include "quant/family.h"
#include "quant/float_slabs.h"
#include "quant/thresholds.h"
#include "quant/zero_level.h"

namespace wquant {
namespace {

/// Scales that are tried, as factors: of what the norm of the cell suggests, then of the best.
struct Attempts {
  std::span<const float> wide, narrow;
};

constexpr std::array kWide = {0.6F, 0.7F, 0.8F, 0.9F, 1.0F, 1.12F, 1.25F};
constexpr std::array kNarrow = {0.88F, 0.94F, 0.97F, 1.03F, 1.06F, 1.12F};
/// In a tensor of so many weights three or two are tried: docs/engine.md has what that costs.
constexpr std::uint64_t kMany = std::uint64_t{1} << 22;
constexpr std::array kFewWide = {1.0F};
constexpr std::array kFewNarrow = {0.93F, 1.07F};
/// The norm of a cell of so many weights tells enough for two.
constexpr std::uint64_t kLongCell = 512;
constexpr std::array kTwo = {0.96F, 1.06F};

Attempts attempts_for(std::uint64_t weights, std::uint64_t cells) {
  if (weights < kMany) return {kWide, kNarrow};
  if (weights / cells < kLongCell) return {kFewWide, kFewNarrow};
  return {kTwo, {}};
}

/// Levels and scales are fitted in turn until the error falls by less.
constexpr double kLeastGain = 1e-3;

/// With more weights a table of the level of every histogram key pays.
constexpr std::size_t kTableLimit = 1 << 15;

/// Neighbouring cells of a sample: with channels inside they share cache lines, else pages.
constexpr std::uint64_t kNeighbours = 16;
constexpr std::uint64_t kNeighbouringWeights = std::uint64_t{1} << 14;
/// Blocks after which memory is given back.
constexpr std::uint64_t kBlocksKept = 16;
/// Cells of a sample at least, as long as there are so many. The fewer they are, the more of them
/// are whole: a part lacks the largest weights, which scales follow.
constexpr std::uint64_t kLeastCells = 64;

/// The nearest float with the 11 significant bits of F16, to even.
float half_mantissa(float scale) {
  constexpr int kDropped = 13;
  auto bits = std::bit_cast<std::uint32_t>(scale);
  bits += (1U << (kDropped - 1)) - 1 + (bits >> kDropped & 1U);
  return std::bit_cast<float>(bits >> kDropped << kDropped);
}

/// (mean of w^2)^(1/2)
float deviation_of(WeightView cell) {
  double sum = 0;
  for (std::size_t k = 0; k < cell.size; ++k) {
    const double w = cell.data[k];
    sum += w * w;
  }
  const double deviation =
      std::sqrt(sum / static_cast<double>(std::max<std::size_t>(cell.size, 1)));
  return deviation >= static_cast<double>(kLeastScale) ? static_cast<float>(deviation) : 0;
}

/// Whether sums of squares were neither too large for a float nor too small.
bool is_exact(float explained) { return explained > 0x1p-80F && explained < 0x1p120F; }

float largest_magnitude(WeightView cell) {
  float most = 0;
  for (std::size_t k = 0; k < cell.size; ++k) most = std::max(most, std::fabs(cell.data[k]));
  return most;
}

/// The largest that half_mantissa() leaves finite.
constexpr float kLargestScale = 0x1.FFCp127F;

}  // namespace

ScaleFinder::ScaleFinder(const CellCodebook& codebook, std::uint64_t weights, std::uint64_t cells)
    : by_norm_(codebook.by_norm) {
  const Codebook& book = codebook.book;
  // Half the search for the upper half of levels.
  search_.mirrored = book.bits > 1 && are_mirrored(book.levels, book.thresholds);
  const std::size_t first = search_.mirrored ? book.levels.size() / 2 : 0;
  search_.thresholds = book.thresholds.data() + first;
  search_.levels = book.levels.data() + first;
  search_.key_levels = codebook.key_levels.empty() ? nullptr : codebook.key_levels.data();
  search_.bits = search_.mirrored ? book.bits - 1 : book.bits;
  search_.spread = codebook.spread;
  const Attempts attempts = attempts_for(weights, cells);
  search_.wide = attempts.wide.data();
  search_.wides = attempts.wide.size();
  search_.narrow = attempts.narrow.data();
  search_.narrows = by_norm_ ? 0 : attempts.narrow.size();
}

CellScale ScaleFinder::find(WeightView cell, float start) const {
  const FoundScale found = search(cell, start);
  const CellScale as_found = {half_mantissa(found.scale), static_cast<double>(found.explained)};
  if (is_exact(found.explained)) return as_found;
  const float largest = largest_magnitude(cell);
  if (!(largest >= kLeastScale) || !std::isfinite(largest)) return as_found;
  const int exponent = std::ilogb(largest);
  std::vector<float> near_one(cell.size);
  cell.copy_to(near_one.data());
  for (float& w : near_one) w = std::ldexp(w, -exponent);
  const FoundScale again = search({near_one.data(), cell.size}, std::ldexp(start, -exponent));
  return {std::min(half_mantissa(std::ldexp(again.scale, exponent)), kLargestScale),
          std::ldexp(static_cast<double>(again.explained), 2 * exponent)};
}

FoundScale ScaleFinder::search(WeightView cell, float start) const {
  FoundScale found = {by_norm_ ? deviation_of(cell) : start, 0};
  if (!by_norm_ || found.scale > 0) {
    kernels().find_scales(cell.data, cell.size, 1, search_, &found);
  }
  return found;
}

void ScaleFinder::find_all(WeightView weights, std::uint64_t run, std::span<float> scales) const {
  const std::size_t whole = weights.size / run;
  std::vector<FoundScale> found(whole);
  if (!by_norm_) kernels().find_scales(weights.data, run, whole, search_, found.data());
  for (std::size_t i = 0; i < whole; ++i) {
    scales[i] = is_exact(found[i].explained) ? half_mantissa(found[i].scale)
                                             : find(weights.part(i * run, run)).scale;
  }
  if (whole == scales.size()) return;
  scales[whole] = find(weights.part(whole * run, weights.size - whole * run)).scale;
}

namespace {

/// Cells of about so many weights.
CellRows sample_cells(const ModelReader& model, std::size_t index, const CellPlan& plan,
                      std::uint64_t most) {
  const std::uint64_t weights = model.tensors()[index].count();
  CellRows rows;
  if (weights <= most) {
    rows.add(model, index, plan, 0, plan.cells, weights);
    return rows;
  }
  const std::uint64_t in_cell = std::max<std::uint64_t>(weights / plan.cells, 1);
  const std::uint64_t each =
      std::min({in_cell, most / std::min(plan.cells, kLeastCells), kMostOfCell});
  const std::uint64_t neighbours =
      plan.run < kNeighbours
          ? kNeighbours
          : std::clamp<std::uint64_t>(kNeighbouringWeights / each, 1, kNeighbours);
  const std::uint64_t blocks =
      std::max<std::uint64_t>(std::min(most / each, plan.cells) / neighbours, 1);
  for (std::uint64_t block = 0; block < blocks; ++block) {
    const std::uint64_t first = block * plan.cells / blocks;
    rows.add(model, index, plan, first, std::min(neighbours, plan.cells - first), each);
    // The pages around came with it.
    if (block % kBlocksKept == 0) release(model, index, {0, weights});
  }
  release(model, index, {0, weights});
  return rows;
}

/// All weights over the scales of their cells.
std::vector<float> units_of(const CellRows& rows, std::span<const float> scales) {
  std::vector<float> units;
  units.reserve(rows.weights());
  for (std::size_t i = 0; i < rows.cells(); ++i) {
    const WeightView cell = rows.cell(i);
    const float inverse = scales[i] > 0 ? 1 / scales[i] : 0;
    for (std::size_t k = 0; k < cell.size; ++k) units.push_back(cell.data[k] * inverse);
  }
  return units;
}

/// The level of the smallest weight of every histogram key.
std::vector<float> key_levels_of(const Codebook& book) {
  std::vector<float> smallest(kKeys);
  for (std::size_t key = 0; key < kKeys; ++key) {
    smallest[key] = std::bit_cast<float>(static_cast<std::uint32_t>(key << kKeyShift));
  }
  std::vector<float> thresholds = book.thresholds;
  thresholds.push_back(std::numeric_limits<float>::infinity());
  std::vector<std::uint8_t> codes(kKeys);
  kernels().find_codes(smallest.data(), kKeys, thresholds.data(), book.bits, codes.data());
  std::vector<float> levels(kKeys);
  kernels().expand(codes.data(), kKeys, book.levels.data(), book.bits, levels.data());
  return levels;
}

/// Ratio of the sums of scales and norms.
float spread_of(std::span<const float> norms, std::span<const float> scales) {
  const auto sum = [](std::span<const float> values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  };
  const double both = sum(scales) / sum(norms);
  return both > 0 && std::isfinite(both) ? static_cast<float>(both) : 1;
}

/// (mean of w^8)^(1/8)
float norm_of(WeightView cell) {
  const float most = largest_magnitude(cell);
  if (!(most >= kLeastScale)) return 0;
  double sum = 0;
  for (std::size_t k = 0; k < cell.size; ++k) {
    const double squared = std::pow(static_cast<double>(cell.data[k] / most), 2);
    sum += squared * squared * squared * squared;
  }
  return most *
         static_cast<float>(std::sqrt(std::sqrt(std::sqrt(sum / static_cast<double>(cell.size)))));
}

std::vector<float> norms_of(const CellRows& rows, float (*norm)(WeightView)) {
  std::vector<float> norms;
  for (std::size_t i = 0; i < rows.cells(); ++i) norms.push_back(norm(rows.cell(i)));
  return norms;
}

/// Sums over the weights of some cells.
struct CellPower {
  double power = 0;     // Of w^2.
  double variance = 0;  // Of (w - mean)^2.
};

CellPower power_of(const CellRows& rows) {
  double sum = 0;
  double power = 0;
  for (std::size_t i = 0; i < rows.cells(); ++i) {
    const WeightView cell = rows.cell(i);
    for (std::size_t k = 0; k < cell.size; ++k) {
      const double w = cell.data[k];
      sum += w;
      power += w * w;
    }
  }
  return {power, power - sum * sum / static_cast<double>(rows.weights())};
}

/// Fits levels and scales to some cells, round by round.
class CellFitter {
 public:
  CellFitter(const PlannedTensor& planned, ZeroForm zeros, CellRows rows)
      : zeros_(zeros),
        settings_(planned.settings),
        weights_(planned.info.count()),
        cells_(planned.cells.cells),
        by_norm_(planned.settings.coding == Coding::kEntropy),
        rows_(std::move(rows)),
        power_(power_of(rows_)),
        norms_(norms_of(rows_, by_norm_ ? deviation_of : norm_of)),
        scales_(norms_) {
    settings_.rescale = Rescale::kNone;
  }

  /// Levels for the scales as they are, then scales for the levels.
  CellCodebook next(const SearchEffort& effort) {
    CellCodebook fitted;
    fitted.by_norm = by_norm_;
    fitted.weights = distribution_of(units_of(rows_, scales_), table_);
    const ZeroForm zeros = fitted.weights.variance() > 0 ? zeros_ : ZeroForm::kNone;
    fitted.book = fit_codebook(fitted.weights, settings_, zeros, effort);
    if (fitted.book.bits > Encoder::kRegisterBits && rows_.weights() >= kTableLimit) {
      fitted.key_levels = key_levels_of(fitted.book);
    }
    const double error = find_scales(fitted);
    fitted.spread = spread_of(norms_, scales_);
    fitted.largest = *std::max_element(scales_.begin(), scales_.end());
    fitted.error = power_.variance > 0 ? std::max(error, 0.0) / power_.variance : 0;
    return fitted;
  }

 private:
  /// Returns the squared error that is left.
  double find_scales(const CellCodebook& fitted) {
    const ScaleFinder finder(fitted, weights_, cells_);
    double error = power_.power;
    for (std::size_t i = 0; i < rows_.cells(); ++i) {
      const CellScale found = finder.find(rows_.cell(i), first_ ? 0 : scales_[i]);
      scales_[i] = found.scale;
      error -= found.explained;
    }
    first_ = false;
    return error;
  }

  ZeroForm zeros_;
  TensorSettings settings_;
  std::uint64_t weights_, cells_;  // Of the tensor.
  bool by_norm_;
  CellRows rows_;
  CellPower power_;
  std::vector<float> norms_, scales_;  // By cell.
  bool first_ = true;                  // The scales still are the norms.
  KeyTable table_;
};

std::uint64_t count_zeros(WeightView weights) {
  std::uint64_t zeros = 0;
  for (std::size_t k = 0; k < weights.size; ++k) zeros += weights.data[k] == 0 ? 1 : 0;
  return zeros;
}

/// Zeros among all weights; 0 where those at hand are far from having enough to stay 0.
double zeros_of(const ModelReader& model, std::size_t index, const PlannedTensor& planned,
                const CellRows& rows) {
  std::uint64_t zeros = 0;
  for (std::size_t i = 0; i < rows.cells(); ++i) zeros += count_zeros(rows.cell(i));
  const std::uint64_t weights = planned.info.count();
  if (rows.weights() < weights) {
    const bool may_keep = keeps_zeros(static_cast<double>(2 * zeros),
                                      static_cast<double>(rows.weights()), planned.settings);
    if (!may_keep && planned.settings.zero != Zero::kKeep) return 0;
    zeros = 0;
    std::vector<float> scratch;
    for (std::uint64_t slab = 0; slab < slab_count(weights); ++slab) {
      const SlabRange range = slab_range(weights, slab);
      for_each_block(model, index, range, scratch,
                     [&](std::uint64_t, WeightView block) { zeros += count_zeros(block); });
      release(model, index, range);
    }
  }
  return static_cast<double>(zeros);
}

/// A level so far below its scale is none: times a factor it would lose bits as a denormal number.
void drop_denormals(std::vector<float>& levels) {
  constexpr float kLeastLevel = 0x1p-100F;
  for (float& level : levels) level = std::fabs(level) < kLeastLevel ? 0 : level;
}

}  // namespace

Distribution unit_distribution(const ModelReader& model, std::size_t index, const CellPlan& plan,
                               std::uint64_t weights) {
  KeyTable table;
  const CellRows rows = sample_cells(model, index, plan, weights);
  return distribution_of(units_of(rows, norms_of(rows, deviation_of)), table);
}

CellCodebook fit_cells(const ModelReader& model, std::size_t index, const PlannedTensor& planned,
                       const CellEffort& effort) {
  CellRows rows = sample_cells(model, index, planned.cells, effort.weights);
  const double zeros = zeros_of(model, index, planned, rows);
  CellFitter fitter(planned, zero_form(zeros, planned), std::move(rows));
  CellCodebook best;
  double least = std::numeric_limits<double>::infinity();
  for (int round = 0; round < effort.rounds; ++round) {
    CellCodebook tried = fitter.next(effort.search);
    const double error = tried.error;
    if (round == 0 || error < least) best = std::move(tried);
    if (!(error < (1 - kLeastGain) * least)) break;
    least = error;
  }
  drop_denormals(best.book.levels);
  const auto weights = static_cast<double>(planned.info.count());
  best.loses_zeros = keeps_zeros(zeros, weights, planned.settings) && !has_zero(best.book);
  return best;
}

}  // namespace wquant
