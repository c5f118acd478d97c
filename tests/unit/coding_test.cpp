#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <ostream>
#include <string>

#include "coding/coded_tensor.h"
#include "coding/rans.h"
#include "unit/codes.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using testing_codes::Codes;
using testing_codes::count;
using testing_codes::Counts;
using testing_codes::entropy_bits;

using Make = Codes (*)(std::size_t size, std::size_t levels);

struct Distribution {
  const char* name;
  Make make;
  bool degenerate;  ///< Nearly all codes are one and the same: next to no entropy.
};

std::ostream& operator<<(std::ostream& out, const Distribution& distribution) {
  return out << distribution.name;
}

Codes narrow_codes(std::size_t size, std::size_t levels) {
  return testing_codes::gaussian_codes(size, levels, 1);
}

Codes wide_codes(std::size_t size, std::size_t levels) {
  return testing_codes::gaussian_codes(size, levels, 6 / static_cast<double>(levels));
}

Codes one_code(std::size_t size, std::size_t levels) {
  return Codes(size, static_cast<std::uint8_t>(levels / 2));
}

constexpr Distribution kDistributions[] = {
    {"Gaussian", wide_codes, false},
    {"NarrowGaussian", narrow_codes, false},
    {"Uniform", testing_codes::uniform_codes, false},
    {"Geometric", testing_codes::geometric_codes, false},
    {"Skewed", testing_codes::skewed_codes, true},
    {"OneCode", one_code, true},
};

class CodingTest : public testing::TestWithParam<Distribution> {};

INSTANTIATE_TEST_SUITE_P(All, CodingTest, testing::ValuesIn(kDistributions),
                         [](const auto& suite) { return std::string(suite.param.name); });

Codes decode(std::span<const std::uint8_t> stored, std::size_t size) {
  Codes codes(size);
  CodedTensor(stored, size).read(0, codes);
  return codes;
}

TEST_P(CodingTest, ComesBackForEveryNumberOfLevels) {
  for (std::size_t levels = 1; levels <= kMostLevels; ++levels) {
    for (const std::size_t size : {std::size_t{777}, std::size_t{16385}}) {
      const Codes codes = GetParam().make(size, levels);
      const auto stored = encode_tensor(count(codes, levels), codes);
      ASSERT_EQ(CodedTensor(stored, size).levels(), levels);
      ASSERT_EQ(decode(stored, size), codes) << levels << " levels, " << size;
    }
  }
}

TEST_P(CodingTest, ComesBackForEverySize) {
  std::vector<std::size_t> sizes(70);
  std::iota(sizes.begin(), sizes.end(), 0);
  for (const std::size_t edge : {std::size_t{1} << 14, kBlockCodes, 3 * kBlockCodes}) {
    for (std::size_t i = 0; i < 8; ++i) sizes.push_back(edge - 4 + i);
  }
  for (const std::size_t size : sizes) {
    const Codes codes = GetParam().make(size, 21);
    ASSERT_EQ(decode(encode_tensor(count(codes, 21), codes), size), codes) << size;
  }
}

/// Bits that a degenerate distribution may take beyond its entropy: every code that occurs has
/// 2^-14 at least, and a block has its length and its states.
double allowance(std::size_t levels, std::size_t size) {
  if (!CodingTest::GetParam().degenerate) return 0;
  const auto blocks = static_cast<double>(count_blocks(size));
  return static_cast<double>(levels * size) * 0x1p-14 * 1.5 + 32 * (1 + kManyLanes) * blocks;
}

TEST_P(CodingTest, TakesLittleMoreThanTheEntropy) {
  for (const std::size_t levels : {2U, 3U, 15U, 64U, 256U}) {
    for (const std::size_t size : {100000U, 1000000U}) {
      const Codes codes = GetParam().make(size, levels);
      const Counts counts = count(codes, levels);
      const auto stored = encode_tensor(counts, codes);
      const double bits = 8 * static_cast<double>(stored.size() - 1 - levels);
      EXPECT_LE(bits, 1.005 * entropy_bits(counts) + allowance(levels, size))
          << levels << ", " << size;
    }
  }
}

TEST_P(CodingTest, TakesWhatWasEstimated) {
  for (const std::size_t levels : {1U, 2U, 30U, 256U}) {
    for (const std::size_t size : {0U, 100U, 9000U, 200000U}) {
      const Codes codes = GetParam().make(size, levels);
      const Counts counts = count(codes, levels);
      const auto bits = 8 * static_cast<double>(encode_tensor(counts, codes).size());
      const auto lanes = static_cast<double>(kManyLanes * count_blocks(size));
      EXPECT_NEAR(bits, estimated_bits(counts), 10 * lanes + 1e-4 * bits) << levels << ", " << size;
    }
  }
}

TEST_P(CodingTest, ReadsAnyRange) {
  const std::size_t size = 2 * kBlockCodes + 5000;
  const Codes codes = GetParam().make(size, 40);
  const auto stored = encode_tensor(count(codes, 40), codes);
  const CodedTensor tensor(stored, size);
  for (const std::size_t first : {std::size_t{0}, std::size_t{1}, kBlockCodes - 1, kBlockCodes,
                                  2 * kBlockCodes, 2 * kBlockCodes + 1, size - 1, size}) {
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, kBlockCodes, size}) {
      Codes part(std::min(length, size - first));
      tensor.read(first, part);
      ASSERT_TRUE(std::equal(part.begin(), part.end(), codes.begin() + static_cast<long>(first)))
          << first << ", " << length;
    }
  }
}

TEST(Coding, OfBlocksAloneGivesTheWhole) {
  const std::size_t size = 2 * kBlockCodes + 99;
  const Codes codes = testing_codes::gaussian_codes(size, 15, 0.5);
  const Counts counts = count(codes, 15);
  const EntropyEncoder encoder(counts);
  std::vector<std::uint8_t> blocks[3];
  std::vector<std::uint32_t> bytes(3);
  for (const std::size_t i : {2U, 0U, 1U}) {
    const auto rest = std::span(codes).subspan(i * kBlockCodes);
    encoder.encode_block(rest.first(std::min(rest.size(), kBlockCodes)), blocks[i]);
    bytes[i] = static_cast<std::uint32_t>(blocks[i].size());
  }
  auto stored = coded_head(encoder.table(), bytes);
  for (const auto& block : blocks) stored.insert(stored.end(), block.begin(), block.end());
  EXPECT_EQ(stored, encode_tensor(counts, codes));
}

TEST(Coding, OfOneCodeTakesNothing) {
  const Codes codes(kBlockCodes, 3);
  std::vector<std::uint8_t> block;
  EntropyEncoder(count(codes, 7)).encode_block(codes, block);
  EXPECT_TRUE(block.empty());
}

TEST(Coding, GrantsCountsThatAreNotTheCodes) {
  const Codes codes = testing_codes::uniform_codes(5000, 9);
  const auto stored = encode_tensor(Counts{1, 900, 1, 1, 20, 3, 1, 1, 1}, codes);
  EXPECT_EQ(decode(stored, codes.size()), codes);
}

TEST(Coding, RefusesCodesThatTheCountsDoNotKnow) {
  for (const Counts& counts : {Counts{3, 1, 0}, Counts{3, 1}, Counts{8}}) {
    const EntropyEncoder encoder(counts);
    for (const std::size_t size : {4U, 40000U}) {
      Codes codes(size);
      codes[size / 2] = 2;
      std::vector<std::uint8_t> block;
      EXPECT_THAT([&] { encoder.encode_block(codes, block); },
                  ThrowsMessage<Error>(HasSubstr("do not know")));
    }
  }
}

}  // namespace
}  // namespace wquant
