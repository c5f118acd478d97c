#include "coding/coded_tensor.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "coding/rans.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using Length = std::uint32_t;  ///< Of a block, in words.
constexpr std::size_t kWordBytes = sizeof(std::uint16_t);

/// What a lane costs: it starts with 16 bits that say nothing, and ends with 8 of 16 on average.
constexpr double kLaneBits = 24;

double lane_bits(std::uint64_t count) {
  const std::uint64_t whole = count / kBlockCodes, last = count % kBlockCodes;
  const std::uint64_t lanes = whole * lanes_of(kBlockCodes) + (last > 0 ? lanes_of(last) : 0);
  return kLaneBits * static_cast<double>(lanes);
}

std::uint64_t count_lengths(std::uint64_t count) {
  return std::max<std::uint64_t>(count_blocks(count), 1) - 1;
}

/// Where every block begins, and the end of the last: the prefix sums of the lengths.
std::vector<std::uint64_t> read_begins(std::span<const std::uint8_t> rest, std::uint64_t count) {
  const std::uint64_t lengths = count_lengths(count);
  if (rest.size() / sizeof(Length) < lengths) {
    throw Error("the index of its blocks of codes ends too early", "get it again");
  }
  const std::uint64_t size = rest.size() - lengths * sizeof(Length);
  std::vector<std::uint64_t> begins = {0};
  begins.reserve(lengths + 2);
  for (std::uint64_t block = 0; block < lengths; ++block) {
    Length length = 0;
    std::memcpy(&length, rest.data() + block * sizeof length, sizeof length);
    begins.push_back(begins.back() + std::uint64_t{length} * kWordBytes);
  }
  if (begins.back() > size) {
    throw Error("its blocks of codes are longer than what is stored of them", "get it again");
  }
  begins.push_back(size);
  return begins;
}

}  // namespace

std::uint64_t count_blocks(std::uint64_t count) {
  return count / kBlockCodes + (count % kBlockCodes > 0 ? 1 : 0);
}

std::vector<std::uint8_t> coded_head(const FrequencyTable& table,
                                     std::span<const std::uint32_t> block_bytes) {
  std::vector<std::uint8_t> head(table.stored().begin(), table.stored().end());
  if (block_bytes.empty()) return head;
  for (const std::uint32_t bytes : block_bytes.first(block_bytes.size() - 1)) {
    std::array<std::uint8_t, sizeof(Length)> length = {};
    const Length words = bytes / kWordBytes;
    std::memcpy(length.data(), &words, sizeof words);
    head.insert(head.end(), length.begin(), length.end());
  }
  return head;
}

std::vector<std::uint8_t> encode_tensor(std::span<const std::uint64_t> counts,
                                        std::span<const std::uint8_t> codes) {
  const EntropyEncoder encoder(counts);
  std::vector<std::uint8_t> blocks;
  std::vector<std::uint32_t> block_bytes;
  for (std::size_t first = 0; first < codes.size(); first += kBlockCodes) {
    const std::size_t before = blocks.size();
    encoder.encode_block(codes.subspan(first, std::min(kBlockCodes, codes.size() - first)), blocks);
    block_bytes.push_back(static_cast<std::uint32_t>(blocks.size() - before));
  }
  std::vector<std::uint8_t> stored = coded_head(encoder.table(), block_bytes);
  stored.insert(stored.end(), blocks.begin(), blocks.end());
  return stored;
}

double estimated_bits(std::span<const std::uint64_t> counts) {
  const FrequencyTable table = FrequencyTable::fit(counts);
  const std::uint64_t count = std::reduce(counts.begin(), counts.end());
  const std::uint64_t head = table.stored().size() + count_lengths(count) * sizeof(Length);
  const bool coded = table.only_code() == table.levels();
  return 8 * static_cast<double>(head) + (coded ? table.bits(counts) + lane_bits(count) : 0);
}

std::uint64_t most_coded_bytes(std::uint64_t count) {
  // A table of rounded frequencies costs less than a fourth of a bit more than the entropy.
  constexpr std::uint64_t kFourth = 32;
  const std::uint64_t states = count_blocks(count) * kManyLanes * sizeof(std::uint32_t);
  return 1 + kMostLevels + count_lengths(count) * sizeof(Length) + states +
         kManyLanes * kWordBytes + count + count / kFourth;
}

CodedTensor::CodedTensor(std::span<const std::uint8_t> stored, std::uint64_t count)
    : CodedTensor(FrequencyTable::read(stored), stored, count) {}

CodedTensor::CodedTensor(const FrequencyTable& table, std::span<const std::uint8_t> stored,
                         std::uint64_t count)
    : levels_(table.levels()), count_(count), decoder_(table) {
  const auto rest = stored.subspan(table.stored().size());
  begins_ = read_begins(rest, count);
  blocks_ = rest.subspan(count_lengths(count) * sizeof(Length));
  if (count == 0 && !blocks_.empty()) {
    throw Error("codes are stored of a tensor without elements", "get it again");
  }
}

std::size_t CodedTensor::codes_of(std::uint64_t block) const {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(kBlockCodes, count_ - block * kBlockCodes));
}

void CodedTensor::decode(std::uint64_t block, std::span<std::uint8_t> codes) const {
  decoder_.decode_block(blocks_.subspan(begins_[block], begins_[block + 1] - begins_[block]),
                        codes);
}

void CodedTensor::read(std::uint64_t first, std::span<std::uint8_t> codes) const {
  std::vector<std::uint8_t> whole;
  while (!codes.empty()) {
    const std::uint64_t block = first / kBlockCodes;
    const std::size_t size = codes_of(block), skipped = first % kBlockCodes;
    const std::size_t wanted = std::min(size - skipped, codes.size());
    if (wanted == size) {
      decode(block, codes.first(size));
    } else {
      whole.resize(size);
      decode(block, whole);
      std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(skipped), wanted, codes.begin());
    }
    first += wanted;
    codes = codes.subspan(wanted);
  }
}

}  // namespace wquant
