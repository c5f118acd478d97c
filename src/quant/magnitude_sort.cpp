#include "quant/magnitude_sort.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>

namespace wquant {
namespace {

/// Fewer numbers than that are sorted faster by comparing.
constexpr std::size_t kRadixLimit = 64;
/// Bits of one of the two digits that are sorted by, at least and at most.
constexpr int kFewestBits = 4, kMostBits = 11;
/// Steps of the repair for each number; what takes more is sorted by comparing.
constexpr std::size_t kRepair = 8;

using Keys = std::vector<std::uint32_t>;

/// Makes the counts of the values of a digit the places where they begin.
void make_places(Keys& counts) {
  std::uint32_t place = 0;
  for (std::uint32_t& count : counts) place += std::exchange(count, place);
}

/// Sorts what is nearly sorted by insertion; gives up and returns false where it is not.
bool repair(Keys& keys) {
  std::size_t steps = kRepair * keys.size();
  for (std::size_t i = 1; i < keys.size(); ++i) {
    const std::uint32_t key = keys[i];
    std::size_t at = i;
    for (; at > 0 && keys[at - 1] > key && steps > 0; --at, --steps) keys[at] = keys[at - 1];
    keys[at] = key;
    if (steps == 0) return false;
  }
  return true;
}

/// By two digits, the upper bits of the range that the numbers fill: few pairs agree in them.
void radix_sort(Keys& keys) {
  std::uint32_t low = ~0U;
  std::uint32_t high = 0;
  for (const std::uint32_t key : keys) {
    low = std::min(low, key);
    high = std::max(high, key);
  }
  const int bits =
      std::clamp(static_cast<int>(std::bit_width(keys.size())) - 2, kFewestBits, kMostBits);
  const int shift = std::max(0, static_cast<int>(std::bit_width(high - low)) - 2 * bits);
  const std::uint32_t mask = (1U << bits) - 1;
  const auto lower_digit = [=](std::uint32_t key) { return (key - low) >> shift & mask; };
  const auto upper_digit = [=](std::uint32_t key) { return (key - low) >> shift >> bits; };
  Keys lower(mask + 1);
  Keys upper(mask + 1);
  for (const std::uint32_t key : keys) {
    ++lower[lower_digit(key)];
    ++upper[upper_digit(key)];
  }
  make_places(lower);
  make_places(upper);
  Keys other(keys.size());
  for (const std::uint32_t key : keys) other[lower[lower_digit(key)]++] = key;
  for (const std::uint32_t key : other) keys[upper[upper_digit(key)]++] = key;
  if (!repair(keys)) std::sort(keys.begin(), keys.end());
}

}  // namespace

std::vector<std::uint32_t> sort_by_magnitude(std::span<const float> weights) {
  std::vector<std::uint32_t> keys(weights.size());
  std::transform(weights.begin(), weights.end(), keys.begin(),
                 [](float w) { return std::rotl(std::bit_cast<std::uint32_t>(w), 1); });
  if (keys.size() < kRadixLimit) {
    std::sort(keys.begin(), keys.end());
  } else {
    radix_sort(keys);
  }
  return keys;
}

std::vector<MagnitudeCount> count_magnitudes(std::span<const float> weights) {
  std::vector<MagnitudeCount> counts;
  for (const std::uint32_t bits : sort_by_magnitude(weights)) {
    const auto magnitude = std::bit_cast<float>(bits >> 1);
    if (counts.empty() || counts.back().magnitude != magnitude) counts.push_back({magnitude, 0, 0});
    ++counts.back().count;
    counts.back().negative += bits & 1;
  }
  return counts;
}

}  // namespace wquant
