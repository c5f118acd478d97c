#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "kernels/kernels.h"
#include "unit/kernels_support.h"

namespace wquant {
namespace {

using testing_kernels::all_kernels;
using testing_kernels::for_every_length;
using testing_kernels::name_of;
using testing_kernels::squarable;

class MoveKernelTest : public testing_kernels::KernelTest {};

INSTANTIATE_TEST_SUITE_P(All, MoveKernelTest, all_kernels(), name_of);

/// Moves for n weights, filled with what is not found.
struct MoveArrays {
  std::vector<float> errors, steps;
  explicit MoveArrays(std::size_t n) : errors(n + 1, 7), steps(n + 1, 7) {}
  Moves view() { return {errors.data(), steps.data()}; }
  bool operator==(const MoveArrays&) const = default;
};

/// Levels between which weights lie; two of them are the same.
std::vector<float> move_levels(int bits) {
  std::vector<float> levels(std::size_t{1} << bits);
  for (std::size_t k = 0; k < levels.size(); ++k) {
    levels[k] = static_cast<float>(std::max<std::size_t>(k, 1)) - 2;
  }
  return levels;
}

TEST_P(MoveKernelTest, FindsMovesLikeScalar) {
  const std::vector<float> scales = squarable(weights(true));
  for (int bits = 1; bits <= 8; ++bits) {
    const std::vector<std::uint8_t> all = codes(bits);
    const std::vector<float> levels = move_levels(bits);
    for_every_length(weights(true), [&](const LooseFloat* w, std::size_t n) {
      for (const float* by_weight : {static_cast<const float*>(nullptr), scales.data()}) {
        const ScaledLevels became = {levels.data(), bits, by_weight};
        MoveArrays found(n);
        MoveArrays expected(n);
        MoveSums sums;
        MoveSums expected_sums;
        fast().find_moves(w, all.data(), n, became, found.view(), &sums);
        kScalarKernels.find_moves(w, all.data(), n, became, expected.view(), &expected_sums);
        ASSERT_EQ(found, expected) << bits << " bits, " << n;
        ASSERT_TRUE(std::ranges::equal(sums.errors, expected_sums.errors))
            << bits << " bits, " << n;
        ASSERT_EQ(sums.least_step, expected_sums.least_step);
      }
    });
  }
}

/// The moves of weights.
MoveArrays moves_of(const std::vector<float>& w, const std::vector<std::uint8_t>& codes) {
  MoveArrays moves(w.size());
  const std::vector<float> levels = move_levels(3);
  MoveSums sums;
  kScalarKernels.find_moves(w.data(), codes.data(), w.size(), {levels.data(), 3, nullptr},
                            moves.view(), &sums);
  return moves;
}

TEST_P(MoveKernelTest, MovesInKernelsLikeScalar) {
  for (std::size_t size = 2; size <= kMostSideBySide; ++size) {
    for (const float pull : {0.0F, 0.6F, 1.0F}) {
      for (std::size_t count = 0; count * size <= kLongest; ++count) {
        MoveArrays found = moves_of(weights(true), codes(3));
        MoveArrays expected = found;
        std::vector<MovedWeight> moved(kLongest, {7, 7});
        std::vector<MovedWeight> expected_moved = moved;
        ASSERT_EQ(fast().move_in_kernels(size, count, pull, found.view(), moved.data()),
                  kScalarKernels.move_in_kernels(size, count, pull, expected.view(),
                                                 expected_moved.data()));
        ASSERT_EQ(found, expected) << count << " of " << size;
        ASSERT_TRUE(std::ranges::equal(
            moved, expected_moved,
            [](auto a, auto b) { return a.index == b.index && a.step == b.step; }))
            << count << " of " << size;
      }
    }
  }
}

TEST_P(MoveKernelTest, SelectsMovesLikeScalar) {
  const std::array<MoveQuery, 5> queries = {{{1, 1e38F, -1e38F, 1e38F},
                                             {-1, 1e38F, -1e38F, 0.5F},
                                             {1, 1.5F, -1, 0.25F},
                                             {-1, 1.5F, 0, 1},
                                             {1, 0, -1e38F, 1e38F}}};
  const MoveArrays moves = moves_of(weights(true), codes(3));
  for (std::size_t n = 0; n <= kLongest; ++n) {
    for (std::size_t first = 0; first + n <= kLongest; first += 5) {
      const float* errors = moves.errors.data() + first;
      const float* steps = moves.steps.data() + first;
      for (const MoveQuery& query : queries) {
        std::vector<std::uint32_t> found(n + 1, 7);
        std::vector<std::uint32_t> expected(n + 1, 7);
        const std::size_t count = fast().select_moves(errors, steps, n, query, found.data());
        ASSERT_EQ(count, kScalarKernels.select_moves(errors, steps, n, query, expected.data()));
        ASSERT_EQ(found[n], 7U);
        found.resize(count);
        expected.resize(count);
        ASSERT_EQ(found, expected) << n;
      }
    }
  }
}

}  // namespace
}  // namespace wquant
