#pragma once

#include <span>
#include <vector>

#include "quant/distribution.h"
#include "quant/objective.h"

namespace wquant {

/// Levels of one tensor before any rescale, the thresholds between them, and what they achieve.
struct LevelFit {
  std::vector<double> levels;
  std::vector<float> thresholds;
  double x0 = 0, r = 1;  ///< Of a mirrored partition.
  Fit fit;
  double gap = 0;  ///< Proven: no codebook of the family has a rho above fit.rho + gap.
};

/// What levels achieve with thresholds that lie where the distribution places them.
Fit evaluate_levels(const Distribution& distribution, std::span<const double> levels,
                    std::span<const float> thresholds);

/// The levels with the threshold between each two at their middle.
LevelFit fit_nearest(const Distribution& distribution, std::vector<double> levels);

/// Makes the number of levels a power of 2, at least 2: those more repeat the last, and no weight
/// reaches the infinite thresholds below them.
void pad_levels(LevelFit& found);

/// For families whose levels cannot be rescaled: the candidate with the least squared error, and as
/// gap what the correlation of another one is above its own.
class LeastError {
 public:
  void offer(LevelFit candidate);
  [[nodiscard]] LevelFit take() &&;

 private:
  LevelFit best_;
  double largest_rho_ = 0;
};

}  // namespace wquant
