#include "quant/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/signed_cells.h"

namespace wquant {
namespace {

/// Bins of a range with one more at each end for what lies outside.
class Bins {
 public:
  Bins(double low, double high, std::size_t bins)
      : low_(low), high_(high), width_((high - low) / static_cast<double>(bins)), sums_(bins + 2) {}

  void add(const Stretch& weights) {
    const std::size_t first = bin_of(weights.low);
    const std::size_t last = bin_of(weights.high);
    if (first == last) {
      sums_[first] += weights.count;
      return;
    }
    const double density = weights.count / (weights.high - weights.low);
    for (std::size_t bin = first; bin <= last; ++bin) {
      const double from = std::max(edge(bin), weights.low);
      const double to = std::min(edge(bin + 1), weights.high);
      sums_[bin] += density * std::max(0.0, to - from);
    }
  }

  [[nodiscard]] Histogram rounded() const {
    Histogram out = {low_, high_, {}, 0, 0};
    double sum = 0;
    std::uint64_t before = 0;
    for (const double count : sums_) {
      sum += count;
      const auto here = static_cast<std::uint64_t>(std::llround(sum));
      out.counts.push_back(here - before);
      before = here;
    }
    out.below = out.counts.front();
    out.above = out.counts.back();
    out.counts.erase(out.counts.begin());
    out.counts.pop_back();
    return out;
  }

 private:
  [[nodiscard]] std::size_t bin_of(double value) const {
    if (value < low_) return 0;
    const std::size_t last = sums_.size() - 1;
    if (value > high_) return last;
    return std::min(1 + static_cast<std::size_t>((value - low_) / width_), last - 1);
  }

  /// Where a bin begins.
  [[nodiscard]] double edge(std::size_t bin) const {
    if (bin == 0) return -std::numeric_limits<double>::infinity();
    if (bin == sums_.size()) return std::numeric_limits<double>::infinity();
    return low_ + static_cast<double>(bin - 1) * width_;
  }

  double low_, high_, width_;
  std::vector<double> sums_;
};

}  // namespace

std::vector<Stretch> stretches_of(const Distribution& distribution) {
  const SignedCells weights = signed_cells(distribution);
  std::vector<Stretch> out;
  out.reserve(weights.cells.size());
  for (std::size_t i = 0; i < weights.cells.size(); ++i) {
    const Cell& cell = weights.cells[i];
    const double size = std::fabs(cell.value);
    const std::size_t bin = weights.bins[i].bin;
    const double reach =
        std::min(size - double{distribution.lower(bin)}, double{distribution.upper(bin)} - size);
    out.push_back(
        {cell.value - std::max(0.0, reach), cell.value + std::max(0.0, reach), cell.count});
  }
  return out;
}

Histogram histogram_of(const std::vector<Stretch>& weights, double low, double high,
                       std::size_t bins) {
  Bins sums(low, high, bins);
  for (const Stretch& stretch : weights) sums.add(stretch);
  return sums.rounded();
}

}  // namespace wquant
