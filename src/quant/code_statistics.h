#pragma once

#include "quant/distribution.h"
#include "wquant/codebook.h"

namespace wquant {

/// What a codebook makes of a tensor, from the sums of its distribution. The thresholds must lie
/// where the distribution places them.
struct CodeStatistics {
  double squared_error = 0;  ///< Sum of (w - level)^2.
  double entropy = 0;        ///< Of the codes, bits a weight.
  /// No |w - level| is larger. Exact where every bin is one magnitude, else less than a bin's
  /// width above the largest.
  double max_error = 0;
};

CodeStatistics code_statistics(const Distribution& distribution, const Codebook& codebook);

}  // namespace wquant
