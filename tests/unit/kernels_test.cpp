#include "kernels/kernels.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "wquant/codebook.h"

namespace wquant {
namespace {

/// Every implementation against the scalar one, at every length and at addresses of any alignment.
class KernelTest : public testing::TestWithParam<const Kernels*> {
 protected:
  static constexpr std::size_t kLongest = 300;

  [[nodiscard]] const Kernels& fast() const { return *GetParam(); }

  /// Ordinary weights with special values among them.
  static std::vector<float> weights(bool finite) {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    const std::array<float, 12> special = {
        0.0F,
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
        finite ? 3.0F : std::numeric_limits<float>::quiet_NaN(),
    };
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

/// Calls f(data, n) for every length, the data at an odd address.
template <typename F>
void for_every_length(const std::vector<float>& values, F&& f) {
  std::vector<char> bytes(values.size() * sizeof(float) + 1);
  std::memcpy(bytes.data() + 1, values.data(), values.size() * sizeof(float));
  const auto* data = reinterpret_cast<const LooseFloat*>(bytes.data() + 1);
  for (std::size_t n = 0; n <= values.size(); ++n) f(data, n);
}

bool same_bits(const MomentSums& a, const MomentSums& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
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
      const std::size_t size = packed_size(n, bits);
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

}  // namespace
}  // namespace wquant
