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

/// out[i] = in[i] * factors[cell of weight first + i]; `in` may be `out`.
template <typename In>
void multiply_by_cell(const CellPlan& plan, std::uint64_t first, std::uint64_t count, const In* in,
                      const float* factors, float* out) {
  if (plan.run == 1) {
    for (std::uint64_t from = 0, cell = first % plan.cells; from < count; cell = 0) {
      const std::uint64_t n = std::min(plan.cells - cell, count - from);
      for (std::uint64_t i = 0; i < n; ++i) out[from + i] = in[from + i] * factors[cell + i];
      from += n;
    }
    return;
  }
  for_each_run(plan, first, count, [&](std::uint64_t cell, std::uint64_t from, std::uint64_t n) {
    const float factor = factors[cell];
    for (std::uint64_t i = from; i < from + n; ++i) out[i] = in[i] * factor;
  });
}

}  // namespace wquant
