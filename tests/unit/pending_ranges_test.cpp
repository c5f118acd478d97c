#include "base/pending_ranges.h"

#include <gtest/gtest.h>

namespace wquant {
namespace {

constexpr std::uint64_t kLarge = std::uint64_t{1} << 20;

std::uint64_t size_of(const ByteRange& range) { return range.end - range.begin; }

TEST(PendingRanges, ALargeRangeDoesNotWait) {
  PendingRanges ranges;
  const ByteRange range = ranges.add({7, 7 + kLarge});
  EXPECT_EQ(range.begin, 7U);
  EXPECT_EQ(range.end, 7 + kLarge);
}

TEST(PendingRanges, SmallOnesOfTwoReadersAreJoinedEachWithItsNeighbours) {
  PendingRanges ranges;
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  for (std::uint64_t at = 0; at < kLarge; at += 1000) {
    for (const std::uint64_t reader : {std::uint64_t{0}, 10 * kLarge}) {
      const ByteRange joined = ranges.add({reader + at, reader + at + 900});  // A gap of 100.
      if (size_of(joined) == 0) continue;
      EXPECT_EQ(joined.begin, reader + (reader == 0 ? first : second));
      (reader == 0 ? first : second) = joined.end - reader + 100;
    }
  }
  EXPECT_GT(first, kLarge / 2);
  EXPECT_EQ(first, second);
}

TEST(PendingRanges, WhatFindsNoNeighbourComesBackInTheEnd) {
  PendingRanges ranges;
  std::uint64_t returned = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    returned += size_of(ranges.add({i * kLarge, i * kLarge + 10})) / 10;
  }
  EXPECT_GT(returned, 900U);
}

}  // namespace
}  // namespace wquant
