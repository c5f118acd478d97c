#include "coding/zero_mask.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "wquant/error.h"

namespace wquant {
namespace {

/// Bytes of a stretch of bits whose ones are summed up.
constexpr std::uint64_t kStretch = std::uint64_t{1} << 14;

std::uint64_t count_ones(std::span<const std::uint8_t> bytes) {
  std::uint64_t ones = 0;
  std::size_t at = 0;
  for (; at + sizeof(std::uint64_t) <= bytes.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    ones += static_cast<std::uint64_t>(std::popcount(word));
  }
  for (; at < bytes.size(); ++at) ones += static_cast<std::uint64_t>(std::popcount(bytes[at]));
  return ones;
}

}  // namespace

ZeroMask::ZeroMask(std::span<const std::uint8_t> stored, std::uint64_t count) : stored_(stored) {
  if (count % 8 != 0 && stored.back() >> count % 8 != 0) {
    throw Error("unused bits of the mask of zeros are not 0", "the file is damaged: get it again");
  }
  sums_ = {0};
  for (std::uint64_t at = 0; at < stored.size(); at += kStretch) {
    const auto stretch = stored.subspan(at, std::min(kStretch, stored.size() - at));
    sums_.push_back(sums_.back() + count_ones(stretch));
  }
}

std::uint64_t ZeroMask::ones_before(std::uint64_t end) const {
  const std::uint64_t bytes = end / 8;
  const std::uint64_t begin = bytes / kStretch * kStretch;
  const std::uint64_t whole =
      sums_[bytes / kStretch] + count_ones(stored_.subspan(begin, bytes - begin));
  if (end % 8 == 0) return whole;
  const auto below = static_cast<std::uint8_t>((1U << end % 8) - 1);
  return whole + static_cast<std::uint64_t>(std::popcount<std::uint8_t>(stored_[bytes] & below));
}

void ZeroMask::spread(std::uint64_t first, std::span<const float> values,
                      std::span<float> out) const {
  std::size_t next = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t bit = first + i;
    const std::size_t one = stored_[bit / 8] >> bit % 8 & 1U;
    // Always read, and taken where the bit is 1: no branch to mispredict.
    const float value = values[next];
    out[i] = one != 0 ? value : 0;
    next += one;
  }
}

}  // namespace wquant
