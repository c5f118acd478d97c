#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace wquant::testing_codes {

using Counts = std::vector<std::uint64_t>;
using Codes = std::vector<std::uint8_t>;

inline Counts count(std::span<const std::uint8_t> codes, std::size_t levels) {
  Counts counts(levels);
  for (const std::uint8_t code : codes) ++counts[code];
  return counts;
}

/// Bits of all codes together at their order-0 entropy.
inline double entropy_bits(const Counts& counts) {
  double all = 0, bits = 0;
  for (const std::uint64_t n : counts) all += static_cast<double>(n);
  for (const std::uint64_t n : counts) {
    if (n > 0) bits += static_cast<double>(n) * std::log2(all / static_cast<double>(n));
  }
  return bits;
}

/// Codes of Gaussian weights in intervals of `width` standard deviations, one about zero.
inline Codes gaussian_codes(std::size_t size, std::size_t levels, double width) {
  std::mt19937 random(static_cast<unsigned>(size + levels));
  std::normal_distribution<double> normal;
  const std::size_t middle = levels / 2;
  Codes codes(size);
  for (auto& code : codes) {
    const double level = std::round(normal(random) / width) + static_cast<double>(middle);
    code = static_cast<std::uint8_t>(std::clamp(level, 0.0, static_cast<double>(levels - 1)));
  }
  return codes;
}

/// Codes that all levels have in equal parts.
inline Codes uniform_codes(std::size_t size, std::size_t levels) {
  std::mt19937 random(static_cast<unsigned>(size + 7 * levels));
  Codes codes(size);
  for (auto& code : codes) code = static_cast<std::uint8_t>(random() % levels);
  return codes;
}

/// Every code once, at the start, and the last one ever after.
inline Codes skewed_codes(std::size_t size, std::size_t levels) {
  Codes codes(size, static_cast<std::uint8_t>(levels - 1));
  for (std::size_t i = 0; i < std::min(size, levels); ++i) codes[i] = static_cast<std::uint8_t>(i);
  return codes;
}

/// Code k half as often as code k + 1.
inline Codes geometric_codes(std::size_t size, std::size_t levels) {
  std::mt19937 random(static_cast<unsigned>(size + 3 * levels));
  std::geometric_distribution<std::size_t> geometric;
  Codes codes(size);
  for (auto& code : codes) {
    code = static_cast<std::uint8_t>(levels - 1 - std::min(geometric(random), levels - 1));
  }
  return codes;
}

}  // namespace wquant::testing_codes
