#include "kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace wquant {
namespace {

/// Finite weights whose squares are finite too.
std::vector<float> squarable(std::vector<float> values) {
  for (float& w : values) w = std::clamp(w, -1e6F, 1e6F);
  return values;
}

/// Calls f(data, n) for every length, the data at an odd address.
template <typename F>
void for_every_length(const std::vector<float>& values, F&& f) {
  std::vector<char> bytes(values.size() * sizeof(float) + 1);
  std::memcpy(bytes.data() + 1, values.data(), values.size() * sizeof(float));
  const auto* data = reinterpret_cast<const LooseFloat*>(bytes.data() + 1);
  for (std::size_t n = 0; n <= values.size(); ++n) f(data, n);
}

/// Every implementation against the scalar one, at every length and at addresses of any alignment.
class KernelTest : public testing::TestWithParam<const Kernels*> {
 protected:
  static constexpr std::size_t kLongest = 300;

  [[nodiscard]] const Kernels& fast() const { return *GetParam(); }

  /// Ordinary weights with special values among them.
  static std::vector<float> weights(bool finite) {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    const std::array<float, 12> special = {0.0F,
                                           -0.0F,
                                           std::numeric_limits<float>::denorm_min(),
                                           -std::numeric_limits<float>::denorm_min(),
                                           std::numeric_limits<float>::min(),
                                           std::numeric_limits<float>::max(),
                                           std::numeric_limits<float>::lowest(),
                                           1.0F,
                                           -1.0F,
                                           finite ? 2.0F : kInf,
                                           finite ? -2.0F : -kInf,
                                           finite ? 3.0F : std::numeric_limits<float>::quiet_NaN()};
    std::mt19937 random(11);
    std::normal_distribution<float> normal;
    std::vector<float> values(kLongest);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = i % 5 == 3 ? special[i / 5 % special.size()] : normal(random);
    }
    return values;
  }

  static std::vector<std::uint8_t> codes(int bits) {
    std::mt19937 random(7);
    std::vector<std::uint8_t> values(kLongest);
    for (auto& code : values) code = static_cast<std::uint8_t>(random() & ((1U << bits) - 1));
    return values;
  }

  /// Calls f(data, n) for weights whose squares are finite, and for such as are too large or no
  /// numbers.
  template <typename F>
  static void for_every_length_of_both(F&& f) {
    for_every_length(squarable(weights(true)), f);
    for_every_length(weights(false), f);
  }

  /// 2^bits - 1 ascending thresholds, then infinity.
  static std::vector<float> thresholds(int bits) {
    std::vector<float> t;
    const int half = 1 << (bits - 1);
    for (int k = 1 - half; k < half; ++k)
      t.push_back(static_cast<float>(k) * 2.5F / static_cast<float>(half));
    t.push_back(std::numeric_limits<float>::infinity());
    return t;
  }
};

INSTANTIATE_TEST_SUITE_P(All, KernelTest, testing::ValuesIn([] {
                           const KernelList list = runnable_kernels();
                           return std::vector<const Kernels*>(list.begin, list.begin + list.size);
                         }()),
                         [](const auto& suite) { return std::string(suite.param->name); });

bool same_bits(const MomentSums& a, const MomentSums& b) {
  const auto bits = [](double x) { return std::bit_cast<std::uint64_t>(x); };
  for (std::size_t lane = 0; lane < 8; ++lane) {
    if (bits(a.d[lane]) != bits(b.d[lane]) || bits(a.d2[lane]) != bits(b.d2[lane])) return false;
  }
  return true;
}

TEST_P(KernelTest, CountsKeysLikeScalar) {
  std::vector<std::uint64_t> table(kKeys);
  std::vector<std::uint64_t> expected(kKeys);
  for_every_length(weights(false), [&](const LooseFloat* w, std::size_t n) {
    MomentSums ignored = {};
    fast().count_keys(w, n, table.data(), 0, &ignored);
    kScalarKernels.count_keys(w, n, expected.data(), 0, &ignored);
  });
  EXPECT_EQ(table, expected);
}

TEST_P(KernelTest, AddsMomentsLikeScalar) {
  std::vector<std::uint64_t> table(kKeys);
  for_every_length(weights(true), [&](const LooseFloat* w, std::size_t n) {
    MomentSums alone = {};
    MomentSums counted = {};
    MomentSums expected = {};
    fast().add_moments(w, n, 0.125, &alone);
    fast().count_keys(w, n, table.data(), 0.125, &counted);
    kScalarKernels.add_moments(w, n, 0.125, &expected);
    ASSERT_TRUE(same_bits(alone, expected)) << n;
    ASSERT_TRUE(same_bits(counted, expected)) << n;
  });
}

TEST_P(KernelTest, FindsCodesLikeScalar) {
  for (int bits = 1; bits <= 8; ++bits) {
    const std::vector<float> t = thresholds(bits);
    for_every_length(weights(false), [&](const LooseFloat* w, std::size_t n) {
      std::vector<std::uint8_t> found(n + 1, 0xee);
      std::vector<std::uint8_t> expected(n + 1, 0xee);
      fast().find_codes(w, n, t.data(), bits, found.data());
      kScalarKernels.find_codes(w, n, t.data(), bits, expected.data());
      ASSERT_EQ(found, expected) << bits << " bits, " << n;
    });
  }
}

TEST_P(KernelTest, CountsAndFindsAsInTwoSteps) {
  for (int bits = 1; bits <= 8; ++bits) {
    const std::vector<float> t = thresholds(bits);
    std::vector<std::uint64_t> table(kKeys);
    std::vector<std::uint64_t> expected_table(kKeys);
    for_every_length(weights(true), [&](const LooseFloat* w, std::size_t n) {
      std::vector<std::uint8_t> found(n + 1, 0xee);
      std::vector<std::uint8_t> expected(n + 1, 0xee);
      MomentSums sums = {};
      MomentSums expected_sums = {};
      fast().count_and_find(w, n, table.data(), 0.5, &sums, t.data(), bits, found.data());
      kScalarKernels.count_keys(w, n, expected_table.data(), 0.5, &expected_sums);
      kScalarKernels.find_codes(w, n, t.data(), bits, expected.data());
      ASSERT_EQ(found, expected) << bits << " bits, " << n;
      ASSERT_TRUE(same_bits(sums, expected_sums)) << bits << " bits, " << n;
    });
    ASSERT_EQ(table, expected_table);
  }
}

TEST_P(KernelTest, LooksUpCodesLikeScalar) {
  std::mt19937 random(3);
  std::vector<std::uint8_t> key_codes(kKeys);
  for (auto& code : key_codes) code = static_cast<std::uint8_t>(random() % 255);
  const std::vector<float> t = thresholds(8);
  for_every_length(weights(false), [&](const LooseFloat* w, std::size_t n) {
    std::vector<std::uint8_t> found(2 * n + 1, 0xee);
    std::vector<std::uint8_t> expected(2 * n + 1, 0xee);
    fast().look_up_codes(w, n, key_codes.data(), t.data(), found.data());
    fast().look_up_edge_codes(w, n, key_codes.data(), found.data() + n);
    kScalarKernels.look_up_codes(w, n, key_codes.data(), t.data(), expected.data());
    kScalarKernels.look_up_edge_codes(w, n, key_codes.data(), expected.data() + n);
    ASSERT_EQ(found, expected) << n;
  });
}

TEST_P(KernelTest, PacksAndUnpacksLikeScalar) {
  for (int bits = 1; bits <= 8; ++bits) {
    const std::vector<std::uint8_t> all = codes(bits);
    for (std::size_t n = 0; n <= kLongest; ++n) {
      const std::size_t size = (n * static_cast<std::size_t>(bits) + 7) / 8;
      // One byte more than needed: it must stay.
      std::vector<std::uint8_t> packed(size + 1, 0xee);
      std::vector<std::uint8_t> expected(size + 1, 0xee);
      fast().pack(all.data(), n, bits, packed.data());
      kScalarKernels.pack(all.data(), n, bits, expected.data());
      ASSERT_EQ(packed, expected) << bits << " bits, " << n;
      std::vector<std::uint8_t> back(n + 1, 0xee);
      fast().unpack(packed.data(), size, n, bits, back.data());
      ASSERT_TRUE(std::equal(back.begin(), back.end() - 1, all.begin())) << bits << " bits, " << n;
      ASSERT_EQ(back.back(), 0xee);
    }
  }
}

TEST_P(KernelTest, ExpandsLikeScalar) {
  for (int bits = 1; bits <= 8; ++bits) {
    const std::vector<std::uint8_t> all = codes(bits);
    const std::vector<float> levels = thresholds(bits);
    for (std::size_t n = 0; n <= kLongest; ++n) {
      std::vector<float> found(n + 1, 7);
      std::vector<float> expected(n + 1, 7);
      fast().expand(all.data(), n, levels.data(), bits, found.data());
      kScalarKernels.expand(all.data(), n, levels.data(), bits, expected.data());
      ASSERT_EQ(found, expected) << bits << " bits, " << n;
    }
  }
}

/// Equal, or both no number.
bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// Evenly spaced levels.
std::vector<float> levels_of(int bits) {
  std::vector<float> levels(std::size_t{1} << bits);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    levels[i] = static_cast<float>(i) - static_cast<float>(levels.size() - 1) / 2;
  }
  return levels;
}

/// Some level for every histogram key.
std::vector<float> key_levels() {
  std::vector<float> levels(kKeys);
  for (std::size_t key = 0; key < kKeys; ++key) levels[key] = static_cast<float>(key % 1001) - 500;
  return levels;
}

void expect_same(const Projection& a, const Projection& b) {
  ASSERT_PRED2(same, a.products, b.products);
  ASSERT_PRED2(same, a.squares, b.squares);
}

TEST_P(KernelTest, ProjectsLikeScalar) {
  const std::vector<float> by_key = key_levels();
  for (int bits = 1; bits <= 8; ++bits) {
    const std::vector<float> t = thresholds(bits);
    const std::vector<float> levels = levels_of(bits);
    for_every_length_of_both([&](const LooseFloat* data, std::size_t n) {
      expect_same(fast().project(data, n, 1.25F, t.data(), levels.data(), bits),
                  kScalarKernels.project(data, n, 1.25F, t.data(), levels.data(), bits));
      expect_same(fast().project_by_key(data, n, 0.75F, by_key.data()),
                  kScalarKernels.project_by_key(data, n, 0.75F, by_key.data()));
    });
  }
}

TEST_P(KernelTest, FindsScalesLikeScalar) {
  const std::vector<float> by_key = key_levels();
  constexpr std::array kWide = {0.5F, 0.8F, 1.0F, 1.3F};
  constexpr std::array kNarrow = {0.9F, 1.1F};
  for (int bits = 1; bits <= 9; ++bits) {
    const std::vector<float> t = thresholds(std::min(bits, 8));
    const std::vector<float> levels = levels_of(std::min(bits, 8));
    // One round more, by keys.
    const ScaleSearch search = {
        t.data(),          levels.data(),  bits == 9 ? by_key.data() : nullptr,
        std::min(bits, 8), 0.4F,           kWide.data(),
        kWide.size(),      kNarrow.data(), kNarrow.size()};
    for_every_length_of_both([&](const LooseFloat* data, std::size_t n) {
      for (const std::size_t run : {std::size_t{1}, std::size_t{7}, std::size_t{64}}) {
        std::vector<FoundScale> found(n / run);
        // Some of the first cells say where to begin, the others do not.
        for (std::size_t i = 1; i < std::min(found.size(), kSideBySide); i += 2) {
          found[i].scale = 0.7F;
        }
        std::vector<FoundScale> expected = found;
        fast().find_scales(data, run, found.size(), search, found.data());
        kScalarKernels.find_scales(data, run, found.size(), search, expected.data());
        for (std::size_t i = 0; i < found.size(); ++i) {
          ASSERT_PRED2(same, found[i].scale, expected[i].scale);
          ASSERT_PRED2(same, found[i].explained, expected[i].explained);
        }
      }
    });
  }
}

TEST_P(KernelTest, MultipliesLikeScalar) {
  for_every_length_of_both([&](const LooseFloat* data, std::size_t n) {
    std::vector<float> found(n + 1, 7), expected(n + 1, 7);
    fast().multiply(data, n, 0.3F, found.data());
    kScalarKernels.multiply(data, n, 0.3F, expected.data());
    ASSERT_TRUE(std::ranges::equal(found, expected, same)) << n;
  });
}

TEST_P(KernelTest, AddsErrorsLikeScalar) {
  for_every_length_of_both([&](const LooseFloat* data, std::size_t n) {
    std::vector<float> became(n);
    for (std::size_t i = 0; i < n; ++i) became[i] = std::round(4 * data[i]) / 4;
    ErrorLanes found = {};
    found.e[3] = 0.5F;
    ErrorLanes expected = found;
    fast().add_errors(data, became.data(), n, 0.125F, &found);
    kScalarKernels.add_errors(data, became.data(), n, 0.125F, &expected);
    const auto lanes = [](const ErrorLanes& sums) {
      std::vector<float> all;
      for (const auto& sum : {sums.d, sums.d2, sums.e, sums.e2, sums.de, sums.max_e, sums.max_q}) {
        all.insert(all.end(), sum, sum + 8);
      }
      return all;
    };
    ASSERT_TRUE(std::ranges::equal(lanes(found), lanes(expected), same)) << n;
  });
}

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

TEST_P(KernelTest, FindsMovesLikeScalar) {
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

TEST_P(KernelTest, MovesInKernelsLikeScalar) {
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

TEST_P(KernelTest, SelectsMovesLikeScalar) {
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
        ASSERT_EQ(fast().select_moves(errors, steps, n, query, found.data()),
                  kScalarKernels.select_moves(errors, steps, n, query, expected.data()));
        ASSERT_EQ(found, expected) << n;
      }
    }
  }
}

}  // namespace
}  // namespace wquant
