#include "quant/free_bound.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace wquant {
namespace {

/// Cells of the dynamic programme; more bins than that are joined.
constexpr double kMostCells = 4096;
/// What a cell costs, in boundary look-ups.
constexpr double kEffortPerCell = 100;
/// Steps of the search for lambda; any lambda gives a valid bound.
constexpr int kSteps = 14;

class FreePartition {
 public:
  FreePartition(const Distribution& distribution, std::size_t most_cells)
      : distribution_(distribution) {
    std::size_t bins = 0;
    while (distribution.tail(bins).count > 0) ++bins;
    // Joined from the top, where the same share of an octave is a larger step.
    const std::size_t stride = (bins + most_cells - 1) / most_cells;
    for (std::size_t bin = 0; bin < bins; bin += std::max<std::size_t>(stride, 1)) {
      edges_.push_back(bin);
    }
    edges_.push_back(bins);
    for (std::size_t i = 0; i + 1 < edges_.size(); ++i) {
      slack_ += distribution.tail(edges_[i]).square - distribution.tail(edges_[i + 1]).square -
                energy(i, i + 1);
    }
    slack_ = std::max(slack_, 0.0);
  }

  /// What bins that are not one value may hide: the energy kept by a level for each weight, less
  /// that of a level for each bin.
  [[nodiscard]] double slack() const { return slack_; }

  /// max over partitions of (energy - lambda * size), and the size that attains it.
  struct Value {
    double value;
    int size;
  };
  Value maximum(double lambda) {
    const std::size_t cells = edges_.size() - 1;
    best_.assign(cells + 1, 0);
    size_.assign(cells + 1, 0);
    queue_.assign(1, {0, 1});
    std::size_t head = 0;
    for (std::size_t j = 1; j <= cells; ++j) {
      while (head + 1 < queue_.size() && queue_[head + 1].from <= j) ++head;
      const std::size_t i = queue_[head].last_cut;
      best_[j] = reach(i, j, lambda);
      size_[j] = size_[i] + 1;
      if (j < cells) push(j, head, lambda);
    }
    return {best_[cells], size_[cells]};
  }

 private:
  /// A cut that is the best last one for every end at or after `from`, up to the next entry.
  struct Candidate {
    std::size_t last_cut, from;
  };

  [[nodiscard]] double energy(std::size_t i, std::size_t j) const {
    const Tail& from = distribution_.tail(edges_[i]);
    const Tail& to = distribution_.tail(edges_[j]);
    const double minus = from.negative - to.negative;
    const double plus = from.count - to.count - minus;
    const double minus_sum = from.negative_sum - to.negative_sum;
    const double plus_sum = from.sum - to.sum - minus_sum;
    return (plus > 0 ? plus_sum * plus_sum / plus : 0) +
           (minus > 0 ? minus_sum * minus_sum / minus : 0);
  }

  [[nodiscard]] double reach(std::size_t i, std::size_t j, double lambda) const {
    return best_[i] + energy(i, j) - lambda;
  }

  /// Adds the cut j: it wins over older ones from some end on.
  void push(std::size_t j, std::size_t head, double lambda) {
    const std::size_t cells = edges_.size() - 1;
    const auto wins = [&](std::size_t end, std::size_t other) {
      return reach(j, end, lambda) >= reach(other, end, lambda);
    };
    while (queue_.size() > head + 1 &&
           wins(std::max(queue_.back().from, j + 1), queue_.back().last_cut)) {
      queue_.pop_back();
    }
    const std::size_t rival = queue_.back().last_cut;
    std::size_t low = std::max(queue_.back().from, j + 1);
    std::size_t high = cells + 1;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (wins(middle, rival)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    if (low <= cells) queue_.push_back({j, low});
  }

  const Distribution& distribution_;
  std::vector<std::size_t> edges_;
  std::vector<double> best_;
  std::vector<int> size_;
  std::vector<Candidate> queue_;
  double slack_ = 0;
};

}  // namespace

double free_bound(const Distribution& distribution, int intervals, double effort) {
  FreePartition partition(distribution,
                          static_cast<std::size_t>(std::min(effort / kEffortPerCell, kMostCells)));
  // The best lambda is near the energy that one interval more would gain.
  double low = 0;
  double high =
      distribution.count() * (distribution.variance() + distribution.mean() * distribution.mean());
  double bound = high;
  double lambda = high / (std::pow(intervals, 3) * 4);
  for (int step = 0; step < kSteps; ++step) {
    const FreePartition::Value found = partition.maximum(lambda);
    bound = std::min(bound, found.value + lambda * intervals);
    if (found.size == intervals) break;
    (found.size > intervals ? low : high) = lambda;
    lambda = low > 0 && high / low < 64 ? std::sqrt(low * high)
             : found.size > intervals   ? lambda * 4
                                        : lambda / 4;
  }
  const double kept = (bound + partition.slack()) / distribution.count();
  const double explained = kept - distribution.mean() * distribution.mean();
  return std::sqrt(std::clamp(explained / distribution.variance(), 0.0, 1.0));
}

}  // namespace wquant
