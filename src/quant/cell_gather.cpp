#include "quant/cell_gather.h"

#include <algorithm>

namespace wquant {
namespace {

/// Weights side by side that represent a run.
constexpr std::uint64_t kStretch = 256;

/// Memory is given back after so many weights of the tensor: pages come whole, with those between.
constexpr std::uint64_t kPassed = std::uint64_t{1} << 22;

}  // namespace

/// Which weights of a cell are taken: of `all_runs`, which come `period` weights apart, so many
/// `runs`, and of each `stretches` of `length` weights, `step` apart.
struct CellRows::Selection {
  std::uint64_t run, all_runs, period, runs, stretches, length, step;

  Selection(std::uint64_t run_weights, std::uint64_t run_count, std::uint64_t run_period,
            std::uint64_t most)
      : run(run_weights),
        all_runs(run_count),
        period(run_period),
        runs(std::clamp<std::uint64_t>(most / run, 1, all_runs)) {
    const bool whole = run <= std::max(most, kStretch);
    length = whole ? run : kStretch;
    stretches = whole ? 1 : std::max<std::uint64_t>(most / kStretch, 1);
    step = run / stretches;
  }

  [[nodiscard]] std::uint64_t weights() const { return runs * stretches * length; }
};

void CellRows::clear() {
  weights_.clear();
  begin_.assign(1, 0);
}

void CellRows::add(const ModelReader& model, std::size_t index, const CellPlan& plan,
                   std::uint64_t first, std::uint64_t count, std::uint64_t most) {
  const std::uint64_t period = plan.run * plan.cells;
  const std::uint64_t weights = model.tensors()[index].count();
  // Only where cells have one run each, the last may be short.
  const std::uint64_t missing = weights < period ? period - weights : 0;
  const bool has_short = missing != 0 && first + count == plan.cells;
  const std::uint64_t even = count - (has_short ? 1 : 0);
  const std::uint64_t runs = std::max(weights / period, std::uint64_t{1});
  add_even(model, index, plan.run, first, even, {plan.run, runs, period, most});
  if (!has_short) return;
  add_even(model, index, plan.run, first + even, 1, {plan.run - missing, 1, period, most});
}

/// Cells of equally many weights, `distance` apart.
void CellRows::add_even(const ModelReader& model, std::size_t index, std::uint64_t distance,
                        std::uint64_t first, std::uint64_t count, const Selection& selection) {
  const std::uint64_t each = selection.weights();
  const std::size_t begin = weights_.size();
  weights_.resize(begin + count * each);
  // Whole runs of neighbouring cells lie side by side.
  const bool together = selection.length == distance;
  std::size_t to = begin;
  std::uint64_t kept = 0;  // Memory from here on.
  for (std::uint64_t i = 0; i < selection.runs; ++i) {
    const std::uint64_t period = i * selection.all_runs / selection.runs;
    const std::uint64_t reached = period * selection.period;
    if (reached - kept >= kPassed) {
      release(model, index, {kept, reached - kept});
      kept = reached;
    }
    for (std::uint64_t k = 0; k < selection.stretches; ++k, to += selection.length) {
      const std::uint64_t at = period * selection.period + first * distance + k * selection.step;
      for (std::uint64_t cell = 0; cell < count; cell += together ? count : 1) {
        const SlabRange range = {at + cell * distance, (together ? count : 1) * selection.length};
        place(floats_of(model, index, range, scratch_), to + cell * each, selection.length, each);
      }
    }
  }
  for (std::uint64_t cell = 1; cell <= count; ++cell) begin_.push_back(begin + cell * each);
}

/// Copies pieces of that length to places that are so far apart.
void CellRows::place(WeightView found, std::size_t to, std::uint64_t length, std::size_t apart) {
  for (std::size_t from = 0; from < found.size; from += length, to += apart) {
    found.part(from, length).copy_to(&weights_[to]);
  }
}

}  // namespace wquant
