#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "coding/decoder.h"
#include "coding/encoder.h"

namespace wquant {

/// The coded codes of a tensor, one run of bytes: the table of frequencies, the length of every
/// block but the last in words of 16 bits (U32), the blocks. Every block but the last has
/// kBlockCodes codes. The bytes depend on the codes and their counts alone.

/// Blocks of a tensor of `count` codes.
std::uint64_t count_blocks(std::uint64_t count);

/// What stands before the blocks, given the bytes of every block.
std::vector<std::uint8_t> coded_head(const FrequencyTable& table,
                                     std::span<const std::uint32_t> block_bytes);

/// All of a tensor by one thread. `counts`, one for each level, must know every code. Throws as
/// EntropyEncoder does.
std::vector<std::uint8_t> encode_tensor(std::span<const std::uint64_t> counts,
                                        std::span<const std::uint8_t> codes);

/// No tensor of `count` codes takes more bytes, however they occur.
std::uint64_t most_coded_bytes(std::uint64_t count);

/// Bits of a coded tensor whose codes occur `counts` times, everything counted: right to 8 bits for
/// each lane of each block. Throws as FrequencyTable::fit does.
double estimated_bits(std::span<const std::uint64_t> counts);

/// Reads any range of a coded tensor. Any number of threads may use one reader.
class CodedTensor {
 public:
  /// Of `count` codes. `stored` must outlive the reader. Throws Error for a damaged table or index;
  /// takes at most 20 kB of memory and two bytes for each byte stored.
  CodedTensor(std::span<const std::uint8_t> stored, std::uint64_t count);

  /// The number of levels that the table has: every code is below it.
  [[nodiscard]] std::size_t levels() const { return levels_; }

  /// The codes from `first` on, first + codes.size() <= count. Decodes whole blocks. Throws Error
  /// for a damaged block.
  void read(std::uint64_t first, std::span<std::uint8_t> codes) const;

 private:
  CodedTensor(const FrequencyTable& table, std::span<const std::uint8_t> stored,
              std::uint64_t count);

  [[nodiscard]] std::size_t codes_of(std::uint64_t block) const;
  void decode(std::uint64_t block, std::span<std::uint8_t> codes) const;

  std::size_t levels_;
  std::uint64_t count_;
  EntropyDecoder decoder_;
  std::span<const std::uint8_t> blocks_;
  std::vector<std::uint64_t> begins_;  ///< Of every block, and the end of the last.
};

}  // namespace wquant
