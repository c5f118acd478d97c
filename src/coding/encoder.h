#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "coding/frequencies.h"

namespace wquant {

/// Codes blocks with the frequencies of one table. Any number of threads may use one encoder.
class EntropyEncoder {
 public:
  /// For codes that occur `counts` times; see FrequencyTable::fit.
  explicit EntropyEncoder(std::span<const std::uint64_t> counts);

  [[nodiscard]] const FrequencyTable& table() const { return table_; }

  /// Appends the block of these codes, at most kBlockCodes of them; none where the table has only
  /// one code. Throws Error for a code of which the counts knew none; `out` then ends in bytes of
  /// no use.
  void encode_block(std::span<const std::uint8_t> codes, std::vector<std::uint8_t>& out) const;

 private:
  /// What a code does to a state x: where x >= limit a word leaves first; then
  /// x += floor(x / f) (2^14 - f) + start. With reciprocal = ceil(2^46 / f) the quotient is
  /// x * reciprocal / 2^46, exact for the x < 2^18 f that there are.
  struct Step {
    std::uint64_t reciprocal;
    std::uint32_t limit;
    std::uint16_t start;
    std::uint16_t complement;  ///< 2^14 - f: 2^14 marks a code that does not occur.
  };

  template <std::size_t Lanes>
  void encode(std::span<const std::uint8_t> codes, std::vector<std::uint8_t>& out) const;

  FrequencyTable table_;
  std::array<Step, kMostLevels> steps_ = {};
};

}  // namespace wquant
