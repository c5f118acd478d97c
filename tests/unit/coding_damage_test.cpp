#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <limits>
#include <random>

#include "coding/coded_tensor.h"
#include "coding/rans.h"
#include "unit/codes.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using testing_codes::Codes;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kLevels = 15;
constexpr std::size_t kTable = 1 + kLevels;
constexpr std::size_t kIndex = 2 * sizeof(std::uint32_t);
constexpr std::size_t kSize = 2 * kBlockCodes + 20000;

/// A coded tensor of three blocks.
Bytes coded() {
  const Codes codes = testing_codes::gaussian_codes(kSize, kLevels, 0.5);
  return encode_tensor(testing_codes::count(codes, kLevels), codes);
}

void read_all(const Bytes& stored, std::uint64_t count = kSize) {
  const CodedTensor tensor(stored, count);
  Codes codes(count);
  tensor.read(0, codes);
}

void expect_refused(const Bytes& stored, const char* why) {
  EXPECT_THAT([&] { read_all(stored); }, ThrowsMessage<Error>(HasSubstr(why)));
}

TEST(CodingDamage, TruncationIsFound) {
  const Bytes whole = coded();
  for (std::size_t size = 0; size < kTable; ++size) {
    expect_refused({whole.begin(), whole.begin() + static_cast<long>(size)}, "frequencies");
  }
  for (std::size_t size = kTable; size < kTable + kIndex; ++size) {
    expect_refused({whole.begin(), whole.begin() + static_cast<long>(size)}, "index of its blocks");
  }
  Bytes cut = whole;
  for (const std::ptrdiff_t dropped : {1, 1, 2, 100}) {
    cut.erase(cut.end() - dropped, cut.end());
    expect_refused(cut, "block of its codes is damaged");
  }
  cut.resize(kTable + kIndex + 1000);
  expect_refused(cut, "longer than what is stored");
}

TEST(CodingDamage, SurplusIsFound) {
  Bytes longer = coded();
  for (int i = 0; i < 4; ++i) {
    longer.push_back(0);
    expect_refused(longer, "block of its codes is damaged");
  }
}

TEST(CodingDamage, OfTheIndexIsFound) {
  Bytes index = coded();
  ++index[kTable];
  expect_refused(index, "block of its codes is damaged");
  index[kTable + 3] = 0xFF;
  expect_refused(index, "longer than what is stored");
}

TEST(CodingDamage, OfAnotherCountIsFound) {
  const Bytes whole = coded();
  for (const std::uint64_t count : {kSize - 1, kSize + 1, kSize - kBlockCodes, std::size_t{0}}) {
    EXPECT_THROW(read_all(whole, count), Error) << count;
  }
  // Must not ask for memory first.
  for (const int shift : {0, 1, 16, 17, 30}) {
    const std::uint64_t count = std::numeric_limits<std::uint64_t>::max() >> shift;
    EXPECT_THROW(CodedTensor(whole, count), Error) << count;
  }
}

TEST(CodingDamage, OfAnyByteIsFoundOrHarmless) {
  const Bytes whole = coded();
  std::mt19937 random(1);
  std::size_t found = 0;
  constexpr std::size_t kTrials = 1000;
  for (std::size_t trial = 0; trial < kTrials; ++trial) {
    Bytes damaged = whole;
    damaged[random() % damaged.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
    try {
      read_all(damaged);
    } catch (const Error&) {
      ++found;
    }
  }
  EXPECT_GT(found, kTrials * 99 / 100);
}

TEST(CodingDamage, BytesOfAnyKindAreNoTrouble) {
  std::mt19937 random(2);
  for (std::size_t trial = 0; trial < 3000; ++trial) {
    Bytes bytes = {2, 0xD0, 0xF0, static_cast<std::uint8_t>(random() % 0xE0)};
    for (std::size_t i = random() % 40; i > 0; --i)
      bytes.push_back(static_cast<std::uint8_t>(random()));
    EXPECT_THROW(read_all(bytes, 1 + random() % 40000), Error);
  }
}

TEST(CodingDamage, OfACodeThatIsTheOnlyOneIsFound) {
  EXPECT_NO_THROW(read_all({0, 0xF0}, 9));
  EXPECT_THROW(read_all({0, 0xF0, 0}, 9), Error);
}

}  // namespace
}  // namespace wquant
