#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace wquant {

/// What a line of bars is made of.
enum class BarSet {
  kBlocks,  ///< Unicode's lower blocks, eighths of a line's height.
  kAscii,
};

/// A column for each count, as high as its share of the largest; a count that is not 0 shows.
std::string bars_text(std::span<const std::uint64_t> counts, BarSet set);

}  // namespace wquant
