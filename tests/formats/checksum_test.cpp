#include "formats/quantized_file_checksum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "formats/safetensors_support.h"

namespace wquant {
namespace {

TEST(RangeChecksum, EveryOrderOfRangesGivesTheChecksumOfTheWhole) {
  std::vector<std::byte> bytes(64);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * i);
  const std::uint32_t whole = crc32_of(bytes);
  std::vector<std::size_t> order = {0, 1, 2, 3, 4};
  const std::array<std::size_t, 6> cuts = {0, 1, 9, 10, 40, 64};
  do {
    RangeChecksum checksum;
    for (const std::size_t i : order) {
      EXPECT_FALSE(checksum.complete(64));
      checksum.add(cuts[i], std::span(bytes).subspan(cuts[i], cuts[i + 1] - cuts[i]));
    }
    EXPECT_EQ(checksum.complete(64), whole);
    EXPECT_FALSE(checksum.complete(63));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(RangeChecksum, IsTheUsualCrc32) {
  const std::string_view text = "123456789";
  EXPECT_EQ(checksum_text(crc32_of(std::as_bytes(std::span(text)))), "cbf43926");
  EXPECT_EQ(checksum_from_text("cbf43926"), 0xcbf43926U);
  for (const char* wrong : {"", "cbf4392", "cbf439266", "CBF43926", "0xbf4392", " bf43926"}) {
    EXPECT_FALSE(checksum_from_text(wrong)) << wrong;
  }
}

TEST(ChecksumsOf, StretchesOfAFileAreThoseOfTheirBytesForAnyNumberOfThreads) {
  const test::Folder folder;
  std::string bytes(std::size_t{9} << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * i >> 7);
  test::write_file(folder / "bytes", bytes);
  const MappedFile file(folder / "bytes");
  const std::vector<FileRange> ranges = {
      {0, 1}, {1, 0}, {7, std::uint64_t{4} << 20}, {100, bytes.size() - 100}, {bytes.size(), 0}};
  std::vector<std::uint32_t> expected;
  expected.reserve(ranges.size());
  for (const auto& [begin, size] : ranges) {
    expected.push_back(crc32_of(file.bytes().subspan(begin, size)));
  }
  for (const unsigned threads : {1U, 2U, 5U, 0U}) {
    EXPECT_EQ(checksums_of(file, ranges, threads), expected) << threads;
  }
  EXPECT_TRUE(checksums_of(file, {}, 2).empty());
}

}  // namespace
}  // namespace wquant
