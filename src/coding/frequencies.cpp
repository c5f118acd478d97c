#include "coding/frequencies.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "coding/rans.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr int kMantissaBits = 4;
constexpr std::uint32_t kMantissaMask = (1U << kMantissaBits) - 1;
/// The exponent of the code that has the rest.
constexpr std::uint8_t kRestExponent = 15;
constexpr std::uint8_t kRest = kRestExponent << kMantissaBits;

bool is_rest(std::uint8_t byte) { return byte >> kMantissaBits == kRestExponent; }

std::uint32_t frequency_of(std::uint8_t byte) {
  const std::uint32_t significand = (1U << kMantissaBits) + (byte & kMantissaMask);
  return significand << (byte >> kMantissaBits) >> (kMantissaBits + 1);
}

/// The byte of the nearest frequency that has one; 1 <= frequency <= 2^13.
std::uint8_t byte_of(std::uint32_t frequency) {
  const int dropped = static_cast<int>(std::bit_width(frequency)) - (kMantissaBits + 1);
  if (dropped > 0) frequency += 1U << (dropped - 1);
  const auto exponent = static_cast<std::uint32_t>(std::bit_width(frequency));
  const std::uint32_t mantissa = frequency << (kMantissaBits + 1) >> exponent & kMantissaMask;
  return static_cast<std::uint8_t>(exponent << kMantissaBits | mantissa);
}

/// rest * count / all, rounded, but at least 1.
std::uint32_t share(std::uint32_t rest, std::uint64_t count, std::uint64_t all) {
  const std::uint64_t doubled = std::uint64_t{2} * rest * count / all;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>((doubled + 1) / 2, 1));
}

/// The codes that occur, rare ones first; code 0 where none does.
std::vector<std::size_t> by_count(std::span<const std::uint64_t> counts) {
  std::vector<std::size_t> order;
  for (std::size_t code = 0; code < counts.size(); ++code) {
    if (counts[code] > 0) order.push_back(code);
  }
  if (order.empty()) order.push_back(0);
  std::ranges::stable_sort(order, {}, [&](std::size_t code) { return counts[code]; });
  return order;
}

void check_sum(std::span<const std::uint8_t> bytes) {
  if (std::ranges::count_if(bytes, is_rest) != 1) {
    throw Error("not one of the frequencies of its codes is the rest", "get it again");
  }
  std::uint32_t sum = 0;
  for (const std::uint8_t byte : bytes) sum += is_rest(byte) ? 0 : frequency_of(byte);
  if (sum >= kFrequencySum) {
    throw Error("the frequencies of its codes sum to more than 2^14", "get it again");
  }
}

}  // namespace

FrequencyTable::FrequencyTable(std::vector<std::uint8_t> stored) : stored_(std::move(stored)) {
  std::uint32_t rest = kFrequencySum;
  std::size_t rest_code = 0;
  for (const std::uint8_t byte : std::span(stored_).subspan(1)) {
    const std::uint32_t frequency = is_rest(byte) ? 0 : frequency_of(byte);
    if (is_rest(byte)) rest_code = frequencies_.size();
    rest -= frequency;
    frequencies_.push_back(static_cast<std::uint16_t>(frequency));
  }
  frequencies_[rest_code] = static_cast<std::uint16_t>(rest);
}

FrequencyTable FrequencyTable::fit(std::span<const std::uint64_t> counts) {
  if (counts.empty() || counts.size() > kMostLevels) {
    throw Error("entropy coding takes 1 to 256 levels", {}, ErrorKind::kUsage);
  }
  std::vector<std::uint8_t> stored(1 + counts.size());
  stored[0] = static_cast<std::uint8_t>(counts.size() - 1);
  const std::vector<std::size_t> order = by_count(counts);
  std::uint64_t all = std::reduce(counts.begin(), counts.end());
  std::uint32_t rest = kFrequencySum;
  // A share is at most the mean of what is left and rounded up by less than a third of it: with 256
  // levels the last code still gets at least seven parts.
  for (const std::size_t code : std::span(order).first(order.size() - 1)) {
    std::uint8_t& byte = stored[1 + code];
    byte = byte_of(share(rest, counts[code], all));
    rest -= frequency_of(byte);
    all -= counts[code];
  }
  stored[1 + order.back()] = kRest;
  return FrequencyTable(std::move(stored));
}

FrequencyTable FrequencyTable::read(std::span<const std::uint8_t> stored) {
  if (stored.empty() || stored.size() < std::size_t{2} + stored[0]) {
    throw Error("the frequencies of its codes end too early", "get it again");
  }
  const auto whole = stored.first(std::size_t{2} + stored[0]);
  check_sum(whole.subspan(1));
  return FrequencyTable({whole.begin(), whole.end()});
}

std::size_t FrequencyTable::only_code() const {
  const auto found = std::ranges::find(frequencies_, kFrequencySum);
  return static_cast<std::size_t>(found - frequencies_.begin());
}

double FrequencyTable::bits(std::span<const std::uint64_t> counts) const {
  double sum = 0;
  for (std::size_t code = 0; code < counts.size(); ++code) {
    if (counts[code] == 0) continue;
    sum += static_cast<double>(counts[code]) * (kFrequencyBits - std::log2(frequencies_[code]));
  }
  return sum;
}

}  // namespace wquant
