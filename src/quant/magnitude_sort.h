#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace wquant {

/// Bit patterns of the weights, rotated left by one: magnitude, then the sign as the lowest bit.
/// Ascending. For some 10^3 numbers this radix sort takes a quarter of the time of std::sort.
std::vector<std::uint32_t> sort_by_magnitude(std::span<const float> weights);

/// How many weights have one magnitude, and how many of them are negative.
struct MagnitudeCount {
  float magnitude = 0;
  std::uint32_t count = 0, negative = 0;
};

/// The magnitudes of the weights, ascending.
std::vector<MagnitudeCount> count_magnitudes(std::span<const float> weights);

}  // namespace wquant
