#include "quant/signed_cells.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace wquant {
namespace {

/// Bins [begin, end) and the weights of one sign in them.
struct Run {
  std::size_t begin, end;
  bool negative;
  double count = 0, sum = 0;  ///< The sum is that of the magnitudes.
};

Run run_of(const Distribution& distribution, std::size_t begin, std::size_t end, bool negative) {
  const Tail& from = distribution.tail(begin);
  const Tail& to = distribution.tail(end);
  const double minus = from.negative - to.negative;
  const double minus_sum = from.negative_sum - to.negative_sum;
  Run run = {begin, end, negative, minus, minus_sum};
  if (!negative) {
    run.count = from.count - to.count - minus;
    run.sum = from.sum - to.sum - minus_sum;
  }
  // Differences of sums from the top have their rounding errors.
  run.sum = std::clamp(run.sum, run.count * double{distribution.lower(begin)},
                       run.count * double{distribution.upper(end - 1)});
  return run;
}

/// Calls f(run) for the runs of `stride` bins of either sign that hold weights, ascending.
template <typename F>
void for_each_run(const Distribution& distribution, std::size_t stride, F&& f) {
  const std::size_t bins = distribution.bins();
  const auto visit = [&](std::size_t begin, bool negative) {
    const Run run = run_of(distribution, begin, std::min(begin + stride, bins), negative);
    if (run.count > 0) f(run);
  };
  const std::size_t runs = (bins + stride - 1) / stride;
  for (std::size_t i = runs; i-- > 0;) visit(i * stride, true);
  for (std::size_t i = 0; i < runs; ++i) visit(i * stride, false);
}

void add_atom(std::vector<Cell>& cells, double value, double count) {
  if (count <= 0) return;
  if (!cells.empty() && cells.back().value == value) {
    cells.back().count += count;
  } else {
    cells.push_back({value, count});
  }
}

/// The smallest float of that sign and bin.
float lowest(const Distribution& distribution, const SignedBin& at) {
  if (at.negative) {
    return std::nextafter(-distribution.upper(at.bin), std::numeric_limits<float>::infinity());
  }
  const float edge = distribution.lower(at.bin);
  return edge > 0 ? edge : distribution.zero_threshold();
}

double value_of(const Distribution& distribution, const SignedBin& at) {
  return at.negative ? -double{distribution.lower(at.bin)} : double{distribution.lower(at.bin)};
}

}  // namespace

SignedCells signed_cells(const Distribution& distribution) {
  SignedCells out;
  for_each_run(distribution, 1, [&](const Run& run) {
    const double mean = run.sum / run.count;
    out.cells.push_back({run.negative ? -mean : mean, run.count});
    out.bins.push_back({run.begin, run.negative});
  });
  return out;
}

std::vector<Cell> spread_cells(const Distribution& distribution, std::size_t most_cells) {
  // Two signs, two ends.
  const std::size_t stride = distribution.bins() * 4 / std::max<std::size_t>(most_cells, 4) + 1;
  std::vector<Cell> cells;
  for_each_run(distribution, stride, [&](const Run& run) {
    const double l = distribution.lower(run.begin);
    // The largest bin ends at infinity.
    const double u = std::min(distribution.upper(run.end - 1), std::numeric_limits<float>::max());
    const double far = u > l ? (run.sum - run.count * l) / (u - l) : 0;
    add_atom(cells, run.negative ? -u : l, run.negative ? far : run.count - far);
    add_atom(cells, run.negative ? -l : u, run.negative ? run.count - far : far);
  });
  return cells;
}

float threshold_between(const Distribution& distribution, const SignedBin& below,
                        const SignedBin& above) {
  if (!distribution.exact()) return lowest(distribution, above);
  const double low = value_of(distribution, below);
  const double high = value_of(distribution, above);
  const auto middle = static_cast<float>(0.5 * (low + high));
  return double{middle} > low ? middle : static_cast<float>(high);
}

}  // namespace wquant
