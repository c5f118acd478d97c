#include "wquant/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "wquant/error.h"

namespace wquant {
namespace {

std::vector<Ladder> random_ladders(std::mt19937& random, std::size_t tensors) {
  std::uniform_real_distribution<double> uniform;
  std::vector<Ladder> ladders(tensors);
  for (Ladder& ladder : ladders) {
    if (random() % 8 == 0) continue;
    const std::uint64_t weights = 10 + random() % 300;
    double error = uniform(random);
    for (int bits = 1; bits <= 4; ++bits) {
      const auto b = static_cast<std::uint64_t>(bits);
      ladder.push_back({bits, weights * b / 8 + (std::uint64_t{4} << b), error, 1, 0});
      error *= 0.1 + 0.8 * uniform(random);
    }
    if (random() % 8 == 0) ladder.resize(1);
  }
  return ladders;
}

/// The least sum of errors over all allocations; infinite when none fits.
double least_error(std::span<const Ladder> ladders, std::uint64_t bytes) {
  if (ladders.empty()) return 0;
  if (ladders.front().empty()) return least_error(ladders.subspan(1), bytes);
  double least = std::numeric_limits<double>::infinity();
  for (const Choice& choice : ladders.front()) {
    if (choice.bytes > bytes) continue;
    least = std::min(least, choice.error + least_error(ladders.subspan(1), bytes - choice.bytes));
  }
  return least;
}

TEST(Budget, StaysWithinTheSizeAndItsGapIsTrue) {
  std::mt19937 random(4);
  int exact = 0;
  for (int round = 0; round < 400; ++round) {
    const std::vector<Ladder> ladders = random_ladders(random, 1 + random() % 6);
    const std::uint64_t bytes = 50 + random() % 900;
    const double least = least_error(ladders, bytes);
    if (least == std::numeric_limits<double>::infinity()) {
      EXPECT_THROW(allocate(ladders, bytes), Error);
      continue;
    }
    const Allocation found = allocate(ladders, bytes);
    EXPECT_LE(found.bytes, bytes);
    std::uint64_t size = 0;
    double error = 0;
    for (std::size_t i = 0; i < ladders.size(); ++i) {
      for (const Choice& choice : ladders[i]) {
        if (choice.bits != found.choices[i]->bits) continue;
        size += choice.bytes;
        error += choice.error;
      }
    }
    EXPECT_EQ(size, found.bytes);
    EXPECT_NEAR(error, found.error, 1e-12);
    EXPECT_GE(found.error, least - 1e-12);
    EXPECT_LE(found.error - found.gap, least + 1e-12);
    exact += found.error < least + 1e-12 ? 1 : 0;
  }
  EXPECT_GT(exact, 200);
}

TEST(Budget, NoOneChangeThatFitsLowersTheError) {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    const std::vector<Ladder> ladders = random_ladders(random, 60);
    std::uint64_t least = 0;
    for (const Ladder& ladder : ladders) least += ladder.empty() ? 0 : ladder.front().bytes;
    const std::uint64_t bytes = least + random() % 6000;
    const Allocation found = allocate(ladders, bytes);
    for (std::size_t i = 0; i < ladders.size(); ++i) {
      const Choice* now = nullptr;
      for (const Choice& choice : ladders[i]) {
        if (choice.bits == found.choices[i]->bits) now = &choice;
        if (now == nullptr || choice.error >= now->error) continue;
        EXPECT_GT(found.bytes - now->bytes + choice.bytes, bytes);
      }
    }
    const std::optional<Allocation> uniform = uniform_allocation(ladders, bytes);
    if (!uniform) continue;
    EXPECT_LE(found.error, uniform->error + found.gap + 1e-12);
  }
}

std::vector<int> bits_of(const Allocation& allocation) {
  std::vector<int> bits;
  for (const auto& choice : allocation.choices) bits.push_back(choice ? choice->bits : 0);
  return bits;
}

TEST(Budget, NamesTheLeastSize) {
  const std::vector<Ladder> ladders = {{{1, 100, 0.5}, {2, 200, 0.1}}, {}, {{8, 50, 0.01}}};
  try {
    allocate(ladders, 149);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kLimit);
    EXPECT_THAT(error.what(), testing::HasSubstr("150 bytes"));
  }
  EXPECT_THAT(bits_of(allocate(ladders, 150)), testing::ElementsAre(1, 0, 8));
  EXPECT_THAT(bits_of(allocate(ladders, 250)), testing::ElementsAre(2, 0, 8));
}

TEST(Budget, WeightsSayWhoseErrorCounts) {
  std::vector<Ladder> ladders = {{{1, 100, 0.5}, {2, 200, 0.1}}, {{1, 100, 0.4}, {2, 200, 0.1}}};
  EXPECT_THAT(bits_of(allocate(ladders, 300)), testing::ElementsAre(2, 1));
  for (Choice& choice : ladders[0]) choice.weight = 0.5;
  EXPECT_THAT(bits_of(allocate(ladders, 300)), testing::ElementsAre(1, 2));
}

TEST(Budget, TakesTheBestOfTheVariants) {
  const std::vector<Ladder> ladders = {
      {{1, 100, 0.5, 1, 0}, {1, 110, 0.2, 1, 1}, {2, 200, 0.1, 1, 0}, {2, 210, 0.05, 1, 1}},
      {{1, 100, 0.3, 1, 0}, {1, 110, 0.29, 1, 1}, {2, 200, 0.1, 1, 0}, {2, 210, 0.09, 1, 1}}};
  const Allocation found = allocate(ladders, 215);
  EXPECT_EQ(found.choices[0]->variant, 1U);
  EXPECT_EQ(found.choices[1]->variant, 0U);
  const std::optional<Allocation> uniform = uniform_allocation(ladders, 225);
  ASSERT_TRUE(uniform);
  EXPECT_EQ(uniform->choices[1]->variant, 1U);
  EXPECT_EQ(uniform->bytes, 220U);
}

}  // namespace
}  // namespace wquant
