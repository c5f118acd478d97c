#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace wquant {

/// Most levels that a table of frequencies may have.
inline constexpr std::size_t kMostLevels = 256;

/// How often each code occurs, in parts of 2^14. Stored as the number of levels less one and a byte
/// for each level: exponent e (upper four bits) and mantissa m of the frequency
/// floor((16 + m) 2^e / 32), which is 0 for e = 0; e = 15 marks the one code that has what the
/// others leave of 2^14. Five significant bits of a frequency cost 0.0003 bits a code.
class FrequencyTable {
 public:
  /// The table for codes that occur `counts` times, one count (below 2^48) for each level: no code
  /// that occurs has frequency 0. From the rarest to the most frequent, each code gets its share of
  /// what is left, rounded, so that what rounding takes or leaves is spread over the codes that
  /// feel it least. All counts may be 0. Throws Error unless there are 1 to 256 levels.
  static FrequencyTable fit(std::span<const std::uint64_t> counts);

  /// The table that `stored` begins with. Throws Error when it ends too early or is no table.
  static FrequencyTable read(std::span<const std::uint8_t> stored);

  /// One for each level; they sum to 2^14.
  [[nodiscard]] const std::vector<std::uint16_t>& frequencies() const { return frequencies_; }
  [[nodiscard]] std::size_t levels() const { return frequencies_.size(); }
  [[nodiscard]] std::span<const std::uint8_t> stored() const { return stored_; }

  /// The code that has the whole 2^14, or levels() where there are several.
  [[nodiscard]] std::size_t only_code() const;

  /// Bits that rANS needs for codes that occur `counts` times, one count for each level: the sum of
  /// count log2(2^14 / frequency). Every code that occurs must have a frequency.
  [[nodiscard]] double bits(std::span<const std::uint64_t> counts) const;

 private:
  explicit FrequencyTable(std::vector<std::uint8_t> stored);

  std::vector<std::uint8_t> stored_;
  std::vector<std::uint16_t> frequencies_;
};

}  // namespace wquant
