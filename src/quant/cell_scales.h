#pragma once

#include <span>
#include <vector>

#include "quant/cell_gather.h"
#include "quant/family.h"
#include "wquant/codebook.h"
#include "wquant/quantize.h"

namespace wquant {

/// The levels that the cells of a tensor share, for weights over their cell's scale.
struct CellCodebook {
  Codebook book;             ///< Not rescaled.
  Distribution weights;      ///< What it was fitted to: weights of many cells over their scales.
  float spread = 1;          ///< A cell's scale is about so many times its norm (mean w^8)^(1/8).
  double error = 0;          ///< Squared error over the variance, of those weights.
  float largest = 0;         ///< Of the scales of those cells.
  bool loses_zeros = false;  ///< As TensorReport has it.
  bool by_norm = false;      ///< Scales follow from the cells' norms alone, see ScaleFinder.
  /// The level of a weight by its histogram key, near enough to find scales; empty: too few
  /// weights for it to pay.
  std::vector<float> key_levels;
};

/// The scale of a cell, and by how much it makes the squared error less than the weights' own.
struct CellScale {
  float scale = 0;
  double explained = 0;
};

/// Finds scales of cells for given levels: the scale s for which the levels times s come nearest to
/// the weights, least squares for the codes of w / s. Where codes are stored at their entropy the
/// smaller scale always comes nearer, at the price of more bits; there the codes are those of w
/// over the root of the cell's mean w^2. A scale has the 11 significant bits of F16;
/// that of a cell of zeros is 0.
class ScaleFinder {
 public:
  /// For the cells of a tensor of so many weights: the more it has, the fewer scales are tried.
  ScaleFinder(const CellCodebook& codebook, std::uint64_t weights, std::uint64_t cells);

  /// The scale of a cell, searched around `start`; 0: around the cell's norm.
  [[nodiscard]] CellScale find(WeightView cell, float start = 0) const;
  /// Those of cells of `run` weights each, the last of which may be shorter.
  void find_all(WeightView weights, std::uint64_t run, std::span<float> scales) const;

 private:
  [[nodiscard]] FoundScale search(WeightView cell, float start) const;

  ScaleSearch search_;
  bool by_norm_ = false;
};

/// How much work a fit is worth.
struct CellEffort {
  std::uint64_t weights;  ///< That levels are fitted to, at most.
  int rounds;             ///< Levels and scales are fitted in turn so often, at most.
  SearchEffort search;
};

/// What a sample of cells is worth: for a choice, not for the levels that are written.
inline constexpr std::uint64_t kSampledWeights = std::uint64_t{1} << 18;
inline CellEffort sampled_cells(SearchEffort search) { return {kSampledWeights, 2, search}; }

/// Fits levels and scales of tensor `index` in turn on the weights of many cells, all of them where
/// they are few. Throws NonFiniteWeights when it meets one.
CellCodebook fit_cells(const ModelReader& model, std::size_t index, const PlannedTensor& planned,
                       const CellEffort& effort);

/// About so many weights of tensor `index`, each over the root of its cell's mean w^2.
Distribution unit_distribution(const ModelReader& model, std::size_t index, const CellPlan& plan,
                               std::uint64_t weights);

/// Most weights of a cell that its scale is found from.
inline constexpr std::uint64_t kMostOfCell = std::uint64_t{1} << 16;

}  // namespace wquant
