#include "quant/magnitude_sort.h"

#include <algorithm>
#include <array>
#include <bit>

namespace wquant {
namespace {

/// Digits of a pass, from the least on; together 32 bits.
constexpr int kDigitBits = 11, kPasses = 3;
constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;
/// Fewer numbers than that are sorted faster by comparing.
constexpr std::size_t kRadixLimit = 512;

using Counts = std::array<std::array<std::uint32_t, kDigits>, kPasses>;

std::uint32_t digit(std::uint32_t key, int pass) {
  return key >> (pass * kDigitBits) & (kDigits - 1);
}

/// Makes the counts of a pass the places where its digits begin.
void place_digits(std::array<std::uint32_t, kDigits>& counts) {
  std::uint32_t place = 0;
  for (std::uint32_t& count : counts) {
    const std::uint32_t here = count;
    count = place;
    place += here;
  }
}

void radix_sort(std::vector<std::uint32_t>& keys) {
  Counts counts = {};
  for (const std::uint32_t key : keys) {
    for (int pass = 0; pass < kPasses; ++pass)
      ++counts[static_cast<std::size_t>(pass)][digit(key, pass)];
  }
  std::vector<std::uint32_t> other(keys.size());
  for (int pass = 0; pass < kPasses; ++pass) {
    auto& places = counts[static_cast<std::size_t>(pass)];
    place_digits(places);
    for (const std::uint32_t key : keys) other[places[digit(key, pass)]++] = key;
    keys.swap(other);
  }
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
