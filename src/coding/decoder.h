#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "coding/frequencies.h"

namespace wquant {

/// Decodes blocks with the frequencies of one table. Any number of threads may use one decoder.
class EntropyDecoder {
 public:
  explicit EntropyDecoder(const FrequencyTable& table);

  /// The codes of a block; `block` holds it and nothing else. Throws Error where the block is not
  /// what an encoder makes of that many codes, whatever its bytes; the codes are then undefined.
  void decode_block(std::span<const std::uint8_t> block, std::span<std::uint8_t> codes) const;

 private:
  struct Range {
    std::uint16_t frequency;
    std::uint16_t start;
  };

  template <std::size_t Lanes>
  void decode(std::span<const std::uint8_t> block, std::span<std::uint8_t> codes) const;

  std::size_t only_code_;            ///< Of all codes, or kMostLevels.
  std::vector<std::uint8_t> codes_;  ///< Of every slot.
  std::array<Range, kMostLevels> ranges_ = {};
};

}  // namespace wquant
