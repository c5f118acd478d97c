#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Bit by bit from the definition of the stream.
std::vector<std::uint8_t> reference_pack(const std::vector<std::uint8_t>& codes, int bits) {
  std::vector<std::uint8_t> out(packed_size(codes.size(), bits));
  for (std::size_t i = 0; i < codes.size(); ++i) {
    for (int b = 0; b < bits; ++b) {
      const std::size_t at = i * static_cast<std::size_t>(bits) + static_cast<std::size_t>(b);
      const unsigned bit = (static_cast<unsigned>(codes[i]) >> b) & 1U;
      out[at / 8] = static_cast<std::uint8_t>(out[at / 8] | bit << (at % 8));
    }
  }
  return out;
}

TEST(Pack, EveryWidthAndLengthFollowsTheBitStreamAndComesBack) {
  std::mt19937 random(5);
  for (int bits = 1; bits <= 8; ++bits) {
    for (std::size_t length = 0; length <= 300; ++length) {
      std::vector<std::uint8_t> codes(length);
      for (auto& code : codes) code = static_cast<std::uint8_t>(random() & ((1U << bits) - 1));
      std::vector<std::uint8_t> packed(packed_size(length, bits));
      kernels().pack(codes.data(), length, bits, packed.data());
      ASSERT_EQ(packed, reference_pack(codes, bits)) << bits << " x " << length;
      std::vector<std::uint8_t> back(length);
      kernels().unpack(packed.data(), packed.size(), length, bits, back.data());
      ASSERT_EQ(back, codes) << bits << " x " << length;
    }
  }
}

TEST(Pack, SizeIsCeilOfBitsOverEightWithoutOverflow) {
  EXPECT_EQ(packed_size(0, 3), 0U);
  EXPECT_EQ(packed_size(3, 3), 2U);
  EXPECT_EQ(packed_size(8, 7), 7U);
  EXPECT_EQ(packed_size(std::uint64_t{1} << 62, 8), std::uint64_t{1} << 62);
}

TEST(Encode, CodeIsTheNumberOfThresholdsAtOrBelowTheWeight) {
  const std::array<float, 7> thresholds = {-3, -2, -1, 0, 1, 2, 3};
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> weights = {-4,
                                      -3,
                                      -2.5F,
                                      -1,
                                      -0.0F,
                                      0.0F,
                                      1e-45F,
                                      1,
                                      2.5F,
                                      3,
                                      1e38F,
                                      -1e-45F,
                                      std::nextafter(1.0F, -inf)};
  std::vector<std::uint8_t> codes(weights.size());
  kernels().find_codes(weights.data(), weights.size(), thresholds.data(), 3, codes.data());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    unsigned expected = 0;
    for (const float t : thresholds) expected += t <= weights[i] ? 1 : 0;
    EXPECT_EQ(codes[i], expected) << weights[i];
  }
}

TEST(Decode, AnyRangeEqualsThatPartOfTheWhole) {
  std::mt19937 random(6);
  const std::size_t count = 9001;
  std::vector<float> weights(count);
  for (float& w : weights) w = static_cast<float>(random() % 2001) / 1000 - 1;
  for (int bits = 1; bits <= 8; ++bits) {
    TensorSettings settings;
    settings.bits = bits;
    const Codebook book = fit_codebook(weights, settings);
    std::vector<std::uint8_t> packed(packed_size(count, bits));
    encode(weights, book, packed);
    std::vector<float> whole(count);
    decode(packed, 0, bits, book.levels, whole);
    for (int i = 0; i < 200; ++i) {
      const std::size_t first = random() % count;
      std::vector<float> part(random() % (count - first + 1));
      decode(packed, first, bits, book.levels, part);
      for (std::size_t j = 0; j < part.size(); ++j) ASSERT_EQ(part[j], whole[first + j]);
    }
  }
}

TEST(Encode, RefusesBuffersOfTheWrongSize) {
  const std::vector<float> weights = {1, 2, 3};
  const Codebook book = fit_codebook(weights, {});
  std::vector<std::uint8_t> packed(1);
  EXPECT_THROW(encode(weights, book, packed), Error);
  std::vector<float> out(3);
  EXPECT_THROW(decode(packed, 0, 4, book.levels, out), Error);
}

TEST(Fit, RefusesWeightsThatAreNotFinite) {
  for (const std::size_t size : {10U, 100'000U}) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      std::vector<float> weights(size, 1.0F);
      weights[size / 2] = bad;
      EXPECT_THROW(fit_codebook(weights, {}), Error);
    }
  }
}

TEST(Fit, BinnedAndSortedDistributionsAgree) {
  // One weight more than is sorted: the same numbers take the two ways.
  std::mt19937_64 random(8);
  std::vector<float> weights((std::size_t{1} << 15) + 1);
  for (float& w : weights) {
    const double u = static_cast<double>(random() >> 11) * 0x1p-53 - 0.5;
    w = static_cast<float>(std::copysign(std::log1p(-2 * std::fabs(u)), u));
  }
  const std::vector<float> fewer(weights.begin(), weights.end() - 1);
  for (int bits = 1; bits <= 8; ++bits) {
    TensorSettings settings;
    settings.bits = bits;
    const Codebook binned = fit_codebook(weights, settings);
    const Codebook sorted = fit_codebook(fewer, settings);
    EXPECT_NEAR(binned.rho, sorted.rho, 2e-3 * (1 - sorted.rho) + 1e-6) << bits;
  }
}

}  // namespace
}  // namespace wquant
