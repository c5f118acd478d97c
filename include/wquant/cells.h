#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "wquant/settings.h"

namespace wquant {

/// Which weights of a tensor share a scale: in C order, element i belongs to cell
/// (i / run) % cells. A row of weights per output channel is one run; where channels lie inside of
/// others, runs of a cell come again and again; groups are runs of their size, the last may be
/// short. Its functions throw nothing; cell_of() is for plans that have scales.
struct CellPlan {
  /// kTensor: no scales but the levels' own.
  Granularity granularity = Granularity::kTensor;
  std::uint64_t run = 0, cells = 0;
  std::size_t axis = 0;  ///< Of the output channels, for kChannel.
  std::string reason;    ///< Why there are none, where they were asked for.

  [[nodiscard]] bool has_scales() const { return granularity != Granularity::kTensor; }
  [[nodiscard]] std::uint64_t cell_of(std::uint64_t element) const { return element / run % cells; }

  bool operator==(const CellPlan&) const = default;
};

}  // namespace wquant
