#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "wquant/settings.h"

namespace wquant {

/// The levels of one tensor and the thresholds between them.
///
/// code(w) = number of thresholds <= w; w' = levels[code]. A magnitude interval is closed below,
/// so the threshold of a negative boundary is the float just above -b.
struct Codebook {
  int bits = 0;
  /// 2^bits, ascending, rescale applied. In a report of codes that are stored at their entropy
  /// there are fewer: those that occur.
  std::vector<float> levels;
  std::vector<float> thresholds;  ///< 2^bits - 1, ascending.
  double x0 = 0;                  ///< First boundary; 0 where the family has none.
  double ratio = 1;               ///< Ratio r of neighbouring interval widths.
  double scale = 1;               ///< Factor that the rescale applied to the levels.
  double rho = 1;                 ///< Pearson correlation of w and its level, from exact sums.
  double gap = 0;  ///< Proven: no codebook of the family correlates more than rho + gap.
  double relative_error_unscaled = 0;  ///< Squared error over the variance before the rescale.
  /// In a report: a bit mask tells which weights are 0, and only the others have codes. Zeros would
  /// stand before the level of this code.
  std::optional<std::uint8_t> masked_code = {};
};

/// A codebook family: one row of the table that --mode chooses from.
struct FamilyInfo {
  std::string_view name;
  std::string_view help;
  int min_bits = 1, max_bits = 8;
  bool has_values =
      true;              ///< False: its levels are what they are, TensorSettings::values is unused.
  bool rescaled = true;  ///< False: its levels cannot be rescaled, only Rescale::kNone is valid.
  bool takes_zero = true;  ///< False: whether it has a level at zero is its own matter.
};

/// The families in the order of the help text. Throws nothing.
std::span<const FamilyInfo> families();

/// Finds the codebook of one tensor in memory. Empty input gives all-zero levels. Throws Error
/// for settings that check() refuses and for NaN or infinity.
Codebook fit_codebook(std::span<const float> weights, const TensorSettings& settings);

/// Bytes that `count` codes of `bits` bits take: ceil(count * bits / 8). Throws nothing.
std::uint64_t packed_size(std::uint64_t count, int bits);

/// Packs the code of every weight, code i into stream bits [i * bits, (i + 1) * bits) of `packed`
/// (bit j of the stream is bit j % 8 of byte j / 8), unused bits 0. packed.size() must be
/// packed_size(weights.size(), codebook.bits), else it throws Error.
void encode(std::span<const float> weights, const Codebook& codebook,
            std::span<std::uint8_t> packed);

/// The way back: out[i] = levels[code first + i]. Throws Error where `packed` ends before.
void decode(std::span<const std::uint8_t> packed, std::uint64_t first, int bits,
            std::span<const float> levels, std::span<float> out);

}  // namespace wquant
