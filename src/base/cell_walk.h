#pragma once

#include <algorithm>
#include <cstdint>

#include "wquant/cells.h"

namespace wquant {

/// Calls f(cell, from, count) for the runs of weights [first, first + count) of a tensor that share
/// a cell, in order; `from` counts from `first`.
template <typename F>
void for_each_run(const CellPlan& plan, std::uint64_t first, std::uint64_t count, F&& f) {
  std::uint64_t cell = plan.cell_of(first);
  std::uint64_t left = plan.run - first % plan.run;  // In the cell's run.
  for (std::uint64_t from = 0; from < count;) {
    const std::uint64_t n = std::min(left, count - from);
    f(cell, from, n);
    from += n;
    left = plan.run;
    if (++cell == plan.cells) cell = 0;
  }
}

}  // namespace wquant
