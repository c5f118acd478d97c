#include "wquant/budget.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/float_environment.h"
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
std::vector<std::size_t> hull_of(const Ladder& ladder) {
  std::vector<std::size_t> hull;
  const auto rate = [&](std::size_t from, std::size_t to) {
    return (ladder[from].term() - ladder[to].term()) /
           static_cast<double>(ladder[to].bytes - ladder[from].bytes);
  };
  for (std::size_t i = 0; i < ladder.size(); ++i) {
    if (!hull.empty() && ladder[i].term() >= ladder[hull.back()].term()) continue;
    while (hull.size() >= 2 && rate(hull[hull.size() - 2], hull.back()) <= rate(hull.back(), i)) {
      hull.pop_back();
    }
    hull.push_back(i);
  }
  return hull;
}

class Allocator {
 public:
  Allocator(std::span<const Ladder> ladders, std::uint64_t bytes)
      : ladders_(ladders), choice_(ladders.size(), 0) {
    std::uint64_t least = 0;
    for (const Ladder& ladder : ladders) {
      if (ladder.empty()) continue;
      least += ladder.front().bytes;
      error_ += ladder.front().term();
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

  Allocation run() {
    climb_hulls();
    while (take_best_rest()) {
    }
    Allocation result;
    for (std::size_t i = 0; i < ladders_.size(); ++i) {
      result.choices.emplace_back();
      if (!ladders_[i].empty()) result.choices.back() = ladders_[i][choice_[i]];
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
        const Choice& from = ladders_[i][hull[k - 1]];
        const Choice& to = ladders_[i][hull[k]];
        steps.push_back(
            {i, hull[k], static_cast<double>(to.bytes - from.bytes), from.term() - to.term()});
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
        const Choice& from = ladders_[i][choice_[i]];
        const Choice& to = ladders_[i][k];
        if (to.bytes - from.bytes > left_ || from.term() - to.term() <= best_gain) continue;
        best_gain = from.term() - to.term();
        tensor = i;
        choice = k;
      }
    }
    if (best_gain > 0) take(tensor, choice);
    return best_gain > 0;
  }

  void take(std::size_t tensor, std::size_t choice) {
    const Choice& from = ladders_[tensor][choice_[tensor]];
    const Choice& to = ladders_[tensor][choice];
    left_ -= to.bytes - from.bytes;
    bytes_ += to.bytes - from.bytes;
    error_ += to.term() - from.term();
    choice_[tensor] = choice;
  }

  std::span<const Ladder> ladders_;
  std::vector<std::size_t> choice_;  // By tensor.
  std::uint64_t left_ = 0, bytes_ = 0;
  double error_ = 0, bound_ = 0;
};

bool is_alike(const Choice& one, const Choice& other) {
  return one.bits == other.bits && one.variant == other.variant;
}

/// The choice like that one, or, where there is but one number of bits, of that variant; null where
/// there is neither.
const Choice* choice_like(const Ladder& ladder, const Choice& wanted) {
  int fewest = 8;
  int most = 0;
  for (const Choice& choice : ladder) {
    if (choice.bits == 0) continue;
    fewest = std::min(fewest, choice.bits);
    most = std::max(most, choice.bits);
  }
  const auto found = std::find_if(ladder.begin(), ladder.end(), [&](const Choice& choice) {
    const bool is_only = fewest == most && choice.bits == most;
    return is_alike(choice, wanted) || (is_only && choice.variant == wanted.variant);
  });
  return found == ladder.end() ? nullptr : &*found;
}

/// All tensors alike; nothing where one has no such choice.
std::optional<Allocation> allocation_like(std::span<const Ladder> ladders, const Choice& wanted) {
  Allocation all;
  for (const Ladder& ladder : ladders) {
    all.choices.emplace_back();
    if (ladder.empty()) continue;
    const Choice* choice = choice_like(ladder, wanted);
    if (choice == nullptr) return {};
    all.choices.back() = *choice;
    all.bytes += choice->bytes;
    all.error += choice->term();
  }
  return all;
}

/// One of each kind of choice.
std::vector<Choice> kinds_of(std::span<const Ladder> ladders) {
  std::vector<Choice> kinds;
  for (const Ladder& ladder : ladders) {
    for (const Choice& choice : ladder) {
      const auto alike = [&](const Choice& kind) { return is_alike(kind, choice); };
      if (choice.bits > 0 && std::none_of(kinds.begin(), kinds.end(), alike)) {
        kinds.push_back(choice);
      }
    }
  }
  return kinds;
}

}  // namespace

void sort(Ladder& ladder) {
  std::stable_sort(ladder.begin(), ladder.end(), [](const Choice& a, const Choice& b) {
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.term() < b.term();
  });
}

Allocation allocate(std::span<const Ladder> ladders, std::uint64_t bytes) {
  const FloatEnvironment environment;
  return Allocator(ladders, bytes).run();
}

std::optional<Allocation> uniform_allocation(std::span<const Ladder> ladders, std::uint64_t bytes) {
  const FloatEnvironment environment;
  std::optional<Allocation> best;
  for (const Choice& kind : kinds_of(ladders)) {
    std::optional<Allocation> all = allocation_like(ladders, kind);
    if (!all || all->bytes > bytes || (best && best->error <= all->error)) continue;
    best = std::move(all);
  }
  return best;
}

}  // namespace wquant
