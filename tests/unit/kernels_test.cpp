#include "kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "unit/kernels_support.h"

namespace wquant {
namespace {

using testing_kernels::all_kernels;
using testing_kernels::for_every_length;
using testing_kernels::KernelTest;
using testing_kernels::name_of;

INSTANTIATE_TEST_SUITE_P(All, KernelTest, all_kernels(), name_of);

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

TEST_P(KernelTest, FindsScalesLikeScalar) {
  const std::vector<float> by_key = key_levels();
  constexpr std::array kWide = {0.5F, 0.8F, 1.0F, 1.3F};
  constexpr std::array kNarrow = {0.9F, 1.1F};
  for (int bits = 1; bits <= 9; ++bits) {
    const std::vector<float> t = thresholds(std::min(bits, 8));
    const std::vector<float> levels = levels_of(std::min(bits, 8));
    // One round more, by keys.
    ScaleSearch search = {t.data(),          levels.data(),  bits == 9 ? by_key.data() : nullptr,
                          std::min(bits, 8), 0.4F,           kWide.data(),
                          kWide.size(),      kNarrow.data(), kNarrow.size()};
    search.mirrored = bits % 3 == 0;
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

TEST_P(KernelTest, FindsTheSameScalesByMagnitudes) {
  constexpr float kFactor = 1;
  for (int bits = 2; bits <= 8; ++bits) {
    const std::size_t half = std::size_t{1} << (bits - 1);
    std::vector<float> t = thresholds(bits);
    for (std::size_t k = 0; k + 1 < half; ++k) {
      t[half - 2 - k] = std::nextafter(-t[half + k], 1.0F);
    }
    const std::vector<float> levels = levels_of(bits);
    const ScaleSearch all = {t.data(), levels.data(), nullptr, bits, 0.4F, &kFactor, 1};
    ScaleSearch upper = {
        t.data() + half, levels.data() + half, nullptr, bits - 1, 0.4F, &kFactor, 1};
    upper.mirrored = true;
    for_every_length_of_both([&](const LooseFloat* data, std::size_t n) {
      FoundScale found;
      FoundScale expected;
      fast().find_scales(data, n, 1, upper, &found);
      fast().find_scales(data, n, 1, all, &expected);
      ASSERT_PRED2(same, found.scale, expected.scale) << bits << " bits, " << n;
      ASSERT_PRED2(same, found.explained, expected.explained) << bits << " bits, " << n;
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

/// Ranges of keys between magnitudes, as flags and as edges.
struct Ranges {
  std::vector<std::uint8_t> flags = std::vector<std::uint8_t>(kKeys / 2);
  std::array<float, kWantedEdges> edges;

  explicit Ranges(const std::vector<float>& ends) {
    edges.fill(std::numeric_limits<float>::infinity());
    const auto key = [](float end) { return std::bit_cast<std::uint32_t>(end) >> kKeyShift; };
    for (std::size_t i = 0; i < ends.size(); ++i) {
      edges[i] = std::bit_cast<float>(key(ends[i]) << kKeyShift);
      if (i % 2 != 0) std::fill(flags.begin() + key(ends[i - 1]), flags.begin() + key(ends[i]), 1);
    }
  }
};

TEST_P(KernelTest, SelectsWantedWeightsLikeScalar) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::vector<std::vector<float>> ends = {
      {},
      {0.5F, 0.75F},
      {1e-40F, 0.1F, 1.0F, kInf},
      {0, kInf},
      {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F, 0.7F, 0.8F, 0.9F, 1.0F, 1.1F, 1.2F, 2.0F, 2.1F}};
  for (const std::vector<float>& some : ends) {
    const Ranges ranges(some);
    for (const float* edges : {ranges.edges.data(), static_cast<const float*>(nullptr)}) {
      const WantedKeys wanted = {ranges.flags.data(), edges};
      for_every_length(weights(true), [&](const LooseFloat* w, std::size_t n) {
        std::vector<float> found(n + 1, 7);
        std::vector<float> expected;
        for (std::size_t i = 0; i < n; ++i) {
          const float weight = w[i];
          const auto magnitude = std::bit_cast<std::uint32_t>(weight) & (~0U >> 1);
          if (ranges.flags[magnitude >> kKeyShift] != 0) expected.push_back(weight);
        }
        const std::size_t count = fast().select_wanted(w, n, wanted, found.data());
        ASSERT_EQ(found[n], 7) << n;
        found.resize(count);
        ASSERT_EQ(found, expected) << n;
      });
    }
  }
}

}  // namespace
}  // namespace wquant
