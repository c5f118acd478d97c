#pragma once

#include <span>
#include <vector>

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

/// The weights of one code.
struct Share {
  double count = 0, sum = 0;
};

/// The weights between two thresholds each, which must lie where the distribution places them; one
/// more than thresholds.
std::vector<Share> code_shares(const Distribution& distribution, std::span<const float> thresholds);

CodeStatistics code_statistics(const Distribution& distribution, const Codebook& codebook);

}  // namespace wquant
