#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "quant/distribution.h"
#include "quant/family.h"
#include "quant/key_filter.h"
#include "quant/magnitude_marks.h"
#include "quant/magnitude_sort.h"
#include "quant/refine.h"
#include "wquant/codebook.h"

namespace wquant {

/// The best x0 of all real numbers of the family's space, at the ratio that the ordinary search
/// finds: bounds leave some stretches of x0, the weights near the boundaries of these are read once
/// more, bounds from finer bins leave less, and there all partitions are tried (Sweep). What the
/// ordinary search found stays where its boundaries, at edges, make a partition that none of them
/// surpasses.
class ExactSearch {
 public:
  ExactSearch(const Distribution& distribution, const TensorSettings& settings,
              SearchEffort effort);

  /// Whether refine() comes before anything else, maybe again: there are too many weights to
  /// gather.
  [[nodiscard]] bool needs_parts() const { return needs_parts_; }
  /// What finish() will make unless it finds something better.
  [[nodiscard]] Codebook likely(const Distribution& distribution) const;
  /// An empty table for refine().
  [[nodiscard]] PartTable part_table(const Distribution& distribution) const;
  /// Whether finish() needs weights.
  [[nodiscard]] bool needs_weights() const { return !marks_.empty(); }
  /// Appends those of some weights that it needs.
  void gather(WeightView weights, std::vector<float>& out) const;

  /// Looks at bounds from finer bins: fewer weights are needed after that, or none.
  void refine(PartTable& parts, const Distribution& distribution);

  /// The codebook. `gathered` are the weights that it needs, in any order; `distribution` is that
  /// of the constructor and becomes one that has the codebook's thresholds.
  Codebook finish(std::span<const float> gathered, Distribution& distribution);

 private:
  /// A stretch of x0 with an upper bound of rho.
  struct Stretch {
    double low, high, bound;
  };
  void look(Objective& objective, double low, double high, double narrow);
  void choose(const Distribution& distribution);
  bool mark(const Distribution& distribution, const Stretch& stretch, double most);
  [[nodiscard]] int part_bits() const;
  void leave_out(double bound);
  void sweep(std::span<const MagnitudeCount> magnitudes, Distribution& distribution);
  [[nodiscard]] double gap(double rho) const;

  TensorSettings settings_;
  SearchResult found_;
  SearchResult best_;
  bool one_ratio_ = false;
  std::vector<Stretch> stretches_;  // That are swept; ascending.
  double bound_ = 0;                // Of all x0 outside of them, and found by the sweep.
  MagnitudeMarks marks_;
  KeyFilter filter_;       // Of marks_, when no parts are needed.
  double wanted_ = 0;      // Weights of the marked keys.
  double meetings_ = 0;    // Of weights and boundaries while x0 is in a stretch, about.
  int shift_ = kKeyShift;  // Lower bits of a magnitude that do not tell its bin.
  bool needs_parts_ = false;
  std::optional<Distribution> fine_;  // What refine() made.
};

/// The codebook of weights in memory, whose distribution becomes one with its thresholds.
Codebook fit_exactly(WeightView weights, const TensorSettings& settings, SearchEffort effort,
                     Distribution& distribution);

}  // namespace wquant
