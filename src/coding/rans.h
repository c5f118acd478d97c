#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace wquant {

/// What the encoder and the decoder of codes agree on: range asymmetric numeral systems (rANS;
/// Jarek Duda, "Asymmetric numeral systems", arXiv:1311.2540). A state x takes a code of frequency
/// f out of 2^14, the codes before which have frequencies that sum to s:
///
///     x' = floor(x / f) 2^14 + s + x mod f
///
/// and gives it back, with slot = x' mod 2^14 in [s, s + f):
///
///     x = f floor(x' / 2^14) + slot - s
///
/// so a code adds log2(2^14 / f) bits to the state. The state stays in [2^16, 2^32): before it
/// grows out, its lower 16 bits become a word of the block; the decoder takes the word back as soon
/// as the state is below 2^16. docs/coding.md has the layout and why these numbers.

inline constexpr int kFrequencyBits = 14;
/// The sum of the frequencies of a table.
inline constexpr std::uint32_t kFrequencySum = 1U << kFrequencyBits;
/// The smallest state; every state starts with it and must end with it.
inline constexpr std::uint32_t kLowestState = 1U << 16;
inline constexpr int kWordBits = 16;

/// Codes of a block; the last one of a tensor may have fewer.
inline constexpr std::size_t kBlockCodes = std::size_t{1} << 17;

/// States that take the codes of a block in turn: independent chains of arithmetic keep the
/// processor busy, and each costs 3 bytes, which a short block does not afford.
inline constexpr std::size_t kManyLanes = 4;
constexpr std::size_t lanes_of(std::size_t codes) { return codes < (1U << 14) ? 1 : kManyLanes; }

/// Calls f(std::integral_constant) with the number of lanes of a block of that many codes.
template <typename F>
void with_lanes(std::size_t codes, F&& f) {
  if (lanes_of(codes) == 1) {
    f(std::integral_constant<std::size_t, 1>());
  } else {
    f(std::integral_constant<std::size_t, kManyLanes>());
  }
}

}  // namespace wquant
