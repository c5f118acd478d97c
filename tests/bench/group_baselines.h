#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace wquant::bench {

/// Levels from -1 to 1, which each group of weights has times its largest magnitude.
using UnitLevels = std::vector<double>;

/// Those of symmetric integers of so many bits, 0 among them: round to nearest of w / absmax.
UnitLevels integer_levels(int bits);

/// Those of the "normal float" of so many bits: quantiles of the normal distribution, 0 among them
/// (Dettmers et al.: QLoRA, 2023, which has them for 4 bits).
UnitLevels normal_levels(int bits);

/// Every weight's nearest level, the largest magnitude of each group rounded to a half float.
std::vector<float> quantize_groups(std::span<const float> weights, std::size_t group,
                                   const UnitLevels& levels);

/// Pearson correlation of the two.
double correlation(std::span<const float> weights, std::span<const float> others);

}  // namespace wquant::bench
