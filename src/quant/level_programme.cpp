#include "quant/level_programme.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace wquant {
namespace {

/// Steps after which no lambda assumes the power law of smooth densities, in which it falls as
/// size^-3.
constexpr int kPowerSteps = 6;

/// The best partition into fewer or more intervals than wanted.
struct Side {
  Cuts cuts;
  double energy = 0;
  double lambda = 0;

  [[nodiscard]] auto size() const { return static_cast<double>(cuts.size()); }
};

/// Of two partitions that are optimal for one lambda, into fewer and more intervals than wanted,
/// makes one that is too: an interval of `few` that contains one of `many` exists such that
/// crossing from the former's begin to the latter's end gives the number wanted.
Cuts splice(const Cuts& few, const Cuts& many, std::size_t intervals) {
  const std::size_t shift = many.size() - intervals;
  std::size_t i = 0;
  while (many[i + shift] > few[i]) ++i;
  Cuts cuts(few.begin(), few.begin() + static_cast<std::ptrdiff_t>(i));
  cuts.insert(cuts.end(), many.begin() + static_cast<std::ptrdiff_t>(i + shift), many.end());
  return cuts;
}

/// The lambda to try next: the power law's, if it lies between those that were tried, or the one
/// at which both sides are equally good.
double next_lambda(double lambda, double growth, const Side& few, const Side& many, int step) {
  const double power = lambda * growth * growth * growth;
  if (step < kPowerSteps && power > many.lambda && power < few.lambda) return power;
  return (many.energy - few.energy) / (many.size() - few.size());
}

}  // namespace

LevelProgramme::LevelProgramme(std::span<const Cell> cells, double centre)
    : sums_(cells.size() + 1), steps_(cells.size() + 1) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    sums_[i + 1].count = sums_[i].count + cells[i].count;
    sums_[i + 1].sum = sums_[i].sum + (cells[i].value - centre) * cells[i].count;
  }
}

double LevelProgramme::whole_energy() const {
  double whole = 0;
  for (std::size_t i = 0; i < cells(); ++i) whole += energy(i, i + 1);
  return whole;
}

LevelProgramme::Optimum LevelProgramme::maximum(double lambda) {
  queue_.assign(1, {0, 1});
  std::size_t head = 0;
  for (std::size_t j = 1; j <= cells(); ++j) {
    while (head + 1 < queue_.size() && queue_[head + 1].from <= j) ++head;
    const std::size_t i = queue_[head].last_cut;
    steps_[j] = {reach(i, j) - lambda, steps_[i].size + 1, i};
    if (j < cells()) push(j, head);
  }
  return {steps_.back().value, steps_.back().size};
}

/// Adds the cut j: it wins over older ones from some end on.
void LevelProgramme::push(std::size_t j, std::size_t head) {
  const auto wins = [&](std::size_t end, std::size_t other) {
    return reach(j, end) >= reach(other, end);
  };
  while (queue_.size() > head + 1 &&
         wins(std::max(queue_.back().from, j + 1), queue_.back().last_cut)) {
    queue_.pop_back();
  }
  const std::size_t rival = queue_.back().last_cut;
  std::size_t low = std::max(queue_.back().from, j + 1);
  std::size_t high = cells() + 1;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (wins(middle, rival)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  if (low <= cells()) queue_.push_back({j, low});
}

Cuts LevelProgramme::cuts() const {
  Cuts cuts(steps_.back().size);
  std::size_t end = cells();
  for (std::size_t i = cuts.size(); i-- > 0; end = steps_[end].last_cut) cuts[i] = end;
  return cuts;
}

BestCuts best_cuts(LevelProgramme& programme, std::size_t intervals, int most_steps) {
  const double whole = programme.whole_energy();
  const auto wanted = static_cast<double>(intervals);
  Side few = {{programme.cells()}, 0, 2 * whole};
  Side many = {Cuts(programme.cells()), whole, 0};
  std::iota(many.cuts.begin(), many.cuts.end(), std::size_t{1});
  BestCuts best = {{}, 0, whole};
  double lambda = whole * 5 / (wanted * wanted * wanted);
  for (int step = 0; step < most_steps; ++step) {
    const LevelProgramme::Optimum found = programme.maximum(lambda);
    const double bound = found.value + lambda * wanted;
    if (step == 0 || bound < best.bound) best.lambda = lambda;
    best.bound = std::min(best.bound, bound);
    if (found.size == intervals) {
      best.cuts = programme.cuts();
      return best;
    }
    Side& side = found.size < intervals ? few : many;
    // No size lies between: the numbers wanted and found are equally good for this lambda.
    const bool known = found.size == few.cuts.size() || found.size == many.cuts.size();
    if (known && step > kPowerSteps) break;
    const auto size = static_cast<double>(found.size);
    side = {programme.cuts(), found.value + lambda * size, lambda};
    lambda = next_lambda(lambda, size / wanted, few, many, step);
  }
  best.cuts = splice(few.cuts, many.cuts, intervals);
  return best;
}

}  // namespace wquant
