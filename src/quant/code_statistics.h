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

CodeStatistics code_statistics(const Distribution& distribution, const Codebook& codebook);

/// The weights that have one code.
struct CodeShare {
  double count = 0, sum = 0;
};

/// The weights between two thresholds each, which must lie where the distribution places them; one
/// more than thresholds.
std::vector<CodeShare> code_shares(const Distribution& distribution,
                                   std::span<const float> thresholds);

/// What follows from the shares alone, whichever weights they hold.
struct ShareStatistics {
  double squared_error = 0;  ///< Sum of (w - level)^2.
  double entropy = 0;        ///< Of the codes, bits a weight.
  double rho = 1;            ///< Of w and level; 0 where only w varies, 1 where it does not.
};

/// Gives the codes other levels, with what becomes of rho and its gap.
void replace_levels(const Distribution& distribution, Codebook& codebook,
                    std::vector<float> levels);

/// Rounds the levels to F16, as replace_levels() does.
void round_levels(const Distribution& distribution, Codebook& codebook);

ShareStatistics share_statistics(const Distribution& distribution, const Codebook& codebook,
                                 std::span<const CodeShare> shares);

}  // namespace wquant
