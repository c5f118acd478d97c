#include "coding/frequencies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "coding/rans.h"
#include "unit/codes.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;
using testing_codes::Counts;
using testing_codes::entropy_bits;
using Bytes = std::vector<std::uint8_t>;

void expect_whole(const FrequencyTable& table, const Counts& counts) {
  const auto& f = table.frequencies();
  ASSERT_EQ(f.size(), counts.size());
  EXPECT_EQ(std::accumulate(f.begin(), f.end(), 0U), kFrequencySum);
  for (std::size_t i = 0; i < f.size(); ++i) {
    EXPECT_TRUE(f[i] > 0 || counts[i] == 0) << i;
  }
  const FrequencyTable again = FrequencyTable::read(table.stored());
  EXPECT_EQ(again.frequencies(), f);
}

TEST(Frequencies, AreShares) {
  const auto table = FrequencyTable::fit(Counts{1, 0, 2, 1});
  EXPECT_THAT(table.frequencies(), ElementsAre(4096, 0, 8192, 4096));
}

TEST(Frequencies, SumToTheWholeForEveryNumberOfLevels) {
  std::mt19937_64 random(5);
  for (std::size_t levels = 1; levels <= kMostLevels; ++levels) {
    Counts counts(levels, 1);
    expect_whole(FrequencyTable::fit(counts), counts);
    for (auto& n : counts) n = random() >> (16 + random() % 48);
    expect_whole(FrequencyTable::fit(counts), counts);
    std::fill(counts.begin(), counts.end(), 1);
    counts[levels / 2] = (std::uint64_t{1} << 48) - 1;
    expect_whole(FrequencyTable::fit(counts), counts);
  }
}

TEST(Frequencies, SumToTheWholeWhereRoundingAlwaysTakes) {
  // Counts whose shares lie just above the middle between two frequencies.
  for (std::uint64_t ratio = 33; ratio < 64; ++ratio) {
    Counts counts(kMostLevels);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = 1000 + ratio * i * i;
    expect_whole(FrequencyTable::fit(counts), counts);
  }
}

TEST(Frequencies, OfOneCodeAreTheWhole) {
  EXPECT_EQ(FrequencyTable::fit(Counts{0, 9, 0}).only_code(), 1);
  EXPECT_EQ(FrequencyTable::fit(Counts{5}).only_code(), 0);
  EXPECT_EQ(FrequencyTable::fit(Counts{0, 0}).only_code(), 0);
  EXPECT_EQ(FrequencyTable::fit(Counts{1, 1000000}).only_code(), 2);
}

TEST(Frequencies, LoseLittle) {
  for (const std::size_t levels : {2U, 3U, 7U, 16U, 40U, 100U, 256U}) {
    for (const double per_level : {2.0, 4.0, 8.0}) {
      const auto codes =
          testing_codes::gaussian_codes(200000, levels, per_level / static_cast<double>(levels));
      const Counts counts = testing_codes::count(codes, levels);
      const double bits = FrequencyTable::fit(counts).bits(counts);
      EXPECT_LT(bits, 1.0015 * entropy_bits(counts)) << levels << " levels, " << per_level;
    }
  }
}

TEST(Frequencies, AreStoredAsTheDocumentationSays) {
  const FrequencyTable table = FrequencyTable::fit(Counts{1, 1, 0, 14});
  const auto stored = table.stored();
  // 2^10 each: (16 + 0) 2^11 / 32.
  EXPECT_THAT(Bytes(stored.begin(), stored.end()), ElementsAre(3, 11 << 4, 11 << 4, 0, 15 << 4));
}

TEST(Frequencies, OfNoOrTooManyLevelsAreRefused) {
  EXPECT_THROW(FrequencyTable::fit({}), Error);
  EXPECT_THROW(FrequencyTable::fit(Counts(257)), Error);
}

void expect_refused(const Bytes& stored, const char* why) {
  EXPECT_THAT([&] { FrequencyTable::read(stored); }, ThrowsMessage<Error>(HasSubstr(why)));
}

TEST(Frequencies, ThatAreNoneAreRefused) {
  expect_refused({}, "too early");
  expect_refused({0}, "too early");
  expect_refused({2, 0xF0, 0x10}, "too early");
  expect_refused({1, 0x10, 0x10}, "is the rest");
  expect_refused({1, 0xF0, 0xF3}, "is the rest");
  expect_refused({2, 0xE0, 0xE0, 0xF0}, "sum to more");
  EXPECT_EQ(FrequencyTable::read(Bytes{0, 0xF0, 1, 2, 3}).levels(), 1);
}

}  // namespace
}  // namespace wquant
