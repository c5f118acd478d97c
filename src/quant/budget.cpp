#include "wquant/budget.h"

#include <algorithm>
#include <optional>
#include <string>

#include "wquant/error.h"

namespace wquant {
namespace {

/// A step up a tensor's ladder, from one corner of its convex hull to the next.
struct Step {
  std::size_t tensor;
  std::size_t choice;  ///< That it leads to.
  double bytes, gain;

  [[nodiscard]] double rate() const { return gain / bytes; }
};

/// Corners of the lower convex hull of (bytes, error): indices of choices.
std::vector<std::size_t> hull_of(const BitLadder& ladder) {
  std::vector<std::size_t> hull;
  const auto rate = [&](std::size_t from, std::size_t to) {
    return (ladder[from].error - ladder[to].error) /
           static_cast<double>(ladder[to].bytes - ladder[from].bytes);
  };
  for (std::size_t i = 0; i < ladder.size(); ++i) {
    if (!hull.empty() && ladder[i].error >= ladder[hull.back()].error) continue;
    while (hull.size() >= 2 && rate(hull[hull.size() - 2], hull.back()) <= rate(hull.back(), i)) {
      hull.pop_back();
    }
    hull.push_back(i);
  }
  return hull;
}

class Allocator {
 public:
  Allocator(std::span<const BitLadder> ladders, std::uint64_t bytes)
      : ladders_(ladders), choice_(ladders.size(), 0) {
    std::uint64_t least = 0;
    for (const BitLadder& ladder : ladders) {
      if (ladder.empty()) continue;
      least += ladder.front().bytes;
      error_ += ladder.front().error;
    }
    if (least > bytes) {
      throw Error("the parts of the tensors take " + std::to_string(least) +
                      " bytes at the fewest bits, where " + std::to_string(bytes) +
                      " are to be had",
                  "give a larger size", ErrorKind::kLimit);
    }
    left_ = bytes - least;
    bytes_ = least;
  }

  BitAllocation run() {
    climb_hulls();
    while (take_best_rest()) {
    }
    BitAllocation result;
    for (std::size_t i = 0; i < ladders_.size(); ++i) {
      result.bits.push_back(ladders_[i].empty() ? 0 : ladders_[i][choice_[i]].bits);
    }
    result.bytes = bytes_;
    result.error = error_;
    result.gap = std::max(0.0, error_ - bound_);
    return result;
  }

 private:
  /// All steps of all hulls by their gain a byte. Along a hull it falls, so that each tensor's
  /// steps come in order.
  [[nodiscard]] std::vector<Step> hull_steps() const {
    std::vector<Step> steps;
    for (std::size_t i = 0; i < ladders_.size(); ++i) {
      const std::vector<std::size_t> hull = hull_of(ladders_[i]);
      for (std::size_t k = 1; k < hull.size(); ++k) {
        const BitChoice& from = ladders_[i][hull[k - 1]];
        const BitChoice& to = ladders_[i][hull[k]];
        steps.push_back(
            {i, hull[k], static_cast<double>(to.bytes - from.bytes), from.error - to.error});
      }
    }
    std::stable_sort(steps.begin(), steps.end(),
                     [](const Step& a, const Step& b) { return a.rate() > b.rate(); });
    return steps;
  }

  void climb_hulls() {
    std::vector<bool> stopped(ladders_.size(), false);
    bool first_miss = true;
    bound_ = error_;
    for (const Step& step : hull_steps()) {
      const bool fits = step.bytes <= static_cast<double>(left_);
      // Up to the first step that does not fit, the relaxation does the same; then a part of it.
      if (first_miss) bound_ -= step.rate() * std::min(step.bytes, static_cast<double>(left_));
      first_miss = first_miss && fits;
      if (!fits) stopped[step.tensor] = true;
      if (!stopped[step.tensor]) take(step.tensor, step.choice);
    }
  }

  /// Takes the choice that lowers the error most among all that fit into what is left.
  bool take_best_rest() {
    double best_gain = 0;
    std::size_t tensor = 0;
    std::size_t choice = 0;
    for (std::size_t i = 0; i < ladders_.size(); ++i) {
      for (std::size_t k = choice_[i] + 1; k < ladders_[i].size(); ++k) {
        const BitChoice& from = ladders_[i][choice_[i]];
        const BitChoice& to = ladders_[i][k];
        if (to.bytes - from.bytes > left_ || from.error - to.error <= best_gain) continue;
        best_gain = from.error - to.error;
        tensor = i;
        choice = k;
      }
    }
    if (best_gain > 0) take(tensor, choice);
    return best_gain > 0;
  }

  void take(std::size_t tensor, std::size_t choice) {
    const BitChoice& from = ladders_[tensor][choice_[tensor]];
    const BitChoice& to = ladders_[tensor][choice];
    left_ -= to.bytes - from.bytes;
    bytes_ += to.bytes - from.bytes;
    error_ += to.error - from.error;
    choice_[tensor] = choice;
  }

  std::span<const BitLadder> ladders_;
  std::vector<std::size_t> choice_;  // By tensor.
  std::uint64_t left_ = 0, bytes_ = 0;
  double error_ = 0, bound_ = 0;
};

/// The choice of that many bits, or the only one; null where there is neither.
const BitChoice* choice_of(const BitLadder& ladder, int bits) {
  if (ladder.size() == 1) return ladder.data();
  const auto found = std::find_if(ladder.begin(), ladder.end(),
                                  [&](const BitChoice& choice) { return choice.bits == bits; });
  return found == ladder.end() ? nullptr : &*found;
}

/// All tensors with those bits; nothing where one has no such choice.
std::optional<BitAllocation> allocation_of(std::span<const BitLadder> ladders, int bits) {
  BitAllocation all;
  for (const BitLadder& ladder : ladders) {
    const BitChoice* choice = choice_of(ladder, bits);
    if (choice == nullptr && !ladder.empty()) return {};
    const BitChoice taken = choice == nullptr ? BitChoice{} : *choice;
    all.bits.push_back(taken.bits);
    all.bytes += taken.bytes;
    all.error += taken.error;
  }
  return all;
}

}  // namespace

BitAllocation allocate_bits(std::span<const BitLadder> ladders, std::uint64_t bytes) {
  return Allocator(ladders, bytes).run();
}

BitAllocation uniform_bits(std::span<const BitLadder> ladders, std::uint64_t bytes) {
  for (int bits = 8; bits >= 1; --bits) {
    const std::optional<BitAllocation> all = allocation_of(ladders, bits);
    if (all && all->bytes <= bytes) return *all;
  }
  return {};
}

}  // namespace wquant
