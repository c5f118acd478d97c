#include "wquant/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "wquant/error.h"

namespace wquant {
namespace {

std::vector<BitLadder> random_ladders(std::mt19937& random, std::size_t tensors) {
  std::uniform_real_distribution<double> uniform;
  std::vector<BitLadder> ladders(tensors);
  for (BitLadder& ladder : ladders) {
    if (random() % 8 == 0) continue;
    const std::uint64_t weights = 10 + random() % 300;
    double error = uniform(random);
    for (int bits = 1; bits <= 4; ++bits) {
      const auto b = static_cast<std::uint64_t>(bits);
      ladder.push_back({bits, weights * b / 8 + (std::uint64_t{4} << b), error});
      error *= 0.1 + 0.8 * uniform(random);
    }
    if (random() % 8 == 0) ladder.resize(1);
  }
  return ladders;
}

/// The least sum of errors over all allocations; infinite when none fits.
double least_error(std::span<const BitLadder> ladders, std::uint64_t bytes) {
  if (ladders.empty()) return 0;
  if (ladders.front().empty()) return least_error(ladders.subspan(1), bytes);
  double least = std::numeric_limits<double>::infinity();
  for (const BitChoice& choice : ladders.front()) {
    if (choice.bytes > bytes) continue;
    least = std::min(least, choice.error + least_error(ladders.subspan(1), bytes - choice.bytes));
  }
  return least;
}

TEST(Budget, StaysWithinTheSizeAndItsGapIsTrue) {
  std::mt19937 random(4);
  int exact = 0;
  for (int round = 0; round < 400; ++round) {
    const std::vector<BitLadder> ladders = random_ladders(random, 1 + random() % 6);
    const std::uint64_t bytes = 50 + random() % 900;
    const double least = least_error(ladders, bytes);
    if (least == std::numeric_limits<double>::infinity()) {
      EXPECT_THROW(allocate_bits(ladders, bytes), Error);
      continue;
    }
    const BitAllocation found = allocate_bits(ladders, bytes);
    EXPECT_LE(found.bytes, bytes);
    std::uint64_t size = 0;
    double error = 0;
    for (std::size_t i = 0; i < ladders.size(); ++i) {
      for (const BitChoice& choice : ladders[i]) {
        if (choice.bits != found.bits[i]) continue;
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
    const std::vector<BitLadder> ladders = random_ladders(random, 60);
    std::uint64_t least = 0;
    for (const BitLadder& ladder : ladders) least += ladder.empty() ? 0 : ladder.front().bytes;
    const std::uint64_t bytes = least + random() % 6000;
    const BitAllocation found = allocate_bits(ladders, bytes);
    for (std::size_t i = 0; i < ladders.size(); ++i) {
      const BitChoice* now = nullptr;
      for (const BitChoice& choice : ladders[i]) {
        if (choice.bits == found.bits[i]) now = &choice;
        if (now == nullptr || choice.error >= now->error) continue;
        EXPECT_GT(found.bytes - now->bytes + choice.bytes, bytes);
      }
    }
    const BitAllocation uniform = uniform_bits(ladders, bytes);
    if (uniform.bits.empty()) continue;
    EXPECT_LE(found.error, uniform.error + found.gap + 1e-12);
  }
}

TEST(Budget, NamesTheLeastSize) {
  const std::vector<BitLadder> ladders = {{{1, 100, 0.5}, {2, 200, 0.1}}, {}, {{8, 50, 0.01}}};
  try {
    allocate_bits(ladders, 149);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kLimit);
    EXPECT_THAT(error.what(), testing::HasSubstr("150 bytes"));
  }
  EXPECT_THAT(allocate_bits(ladders, 150).bits, testing::ElementsAre(1, 0, 8));
  EXPECT_THAT(allocate_bits(ladders, 250).bits, testing::ElementsAre(2, 0, 8));
}

}  // namespace
}  // namespace wquant
