#include "quant/balance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace wquant {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Sets of at most so many weights are searched anew for each move.
constexpr std::size_t kScanned = 64;

/// Of so many levels hardly one does without weights.
constexpr std::size_t kFewLevels = 16;

/// Distances of neighbouring levels, infinite where they do not differ and beyond the last: by
/// code, of the next level to either side.
std::array<std::vector<double>, 2> gaps_of(const std::vector<float>& levels) {
  std::vector<double> gaps(levels.size() + 1, kInfinity);
  for (std::size_t k = 1; k < levels.size(); ++k) {
    const double gap = static_cast<double>(levels[k]) - static_cast<double>(levels[k - 1]);
    if (gap > 0) gaps[k] = gap;
  }
  return {std::vector<double>(gaps.begin(), gaps.end() - 1),
          std::vector<double>(gaps.begin() + 1, gaps.end())};
}

/// Folds values, starting from 0, in lanes that do not wait for each other.
template <typename F>
double in_lanes(std::span<const double> values, F&& fold) {
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> lanes = {};
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) lanes[k] = fold(lanes[k], values[i + k]);
  }
  for (; i < values.size(); ++i) lanes[0] = fold(lanes[0], values[i]);
  double all = 0;
  for (const double lane : lanes) all = fold(all, lane);
  return all;
}

}  // namespace

void BalanceTally::add(const BalanceTally& other) {
  gained.resize(std::max(gained.size(), other.gained.size()));
  for (std::size_t code = 0; code < other.gained.size(); ++code) {
    gained[code].count += other.gained[code].count;
    gained[code].sum += other.gained[code].sum;
  }
  moved += other.moved;
  largest_sum_before = std::max(largest_sum_before, other.largest_sum_before);
  largest_sum_after = std::max(largest_sum_after, other.largest_sum_after);
  max_error = std::max(max_error, other.max_error);
}

Balancer::Balancer(const Codebook& codebook, std::uint64_t kernel)
    : levels_(codebook.levels.begin(), codebook.levels.end()),
      kernel_(kernel),
      gaps_(gaps_of(codebook.levels)) {
  for (const Side side : {kDown, kUp}) {
    least_gap_[side] = *std::min_element(gaps_[side].begin(), gaps_[side].end());
  }
}

void Balancer::find_least_gaps(std::size_t size, const std::uint8_t* codes) {
  std::array<bool, 256> occurs = {};
  for (std::size_t i = 0; i < size; ++i) occurs[codes[i]] = true;
  least_gap_ = {kInfinity, kInfinity};
  for (const Side side : {kDown, kUp}) {
    for (std::size_t code = 0; code < gaps_[side].size(); ++code) {
      if (occurs[code]) least_gap_[side] = std::min(least_gap_[side], gaps_[side][code]);
    }
  }
}

void Balancer::load(WeightView channel, const std::uint8_t* codes) {
  errors_.resize(channel.size);
  const double* levels = levels_.data();
  for (std::size_t i = 0; i < channel.size; ++i) {
    const double scale = scales_ == nullptr ? 1 : static_cast<double>(scales_[i]);
    errors_[i] = scale * levels[codes[i]] - static_cast<double>(channel.data[i]);
  }
  least_scale_ = scales_ == nullptr
                     ? 1
                     : static_cast<double>(*std::min_element(scales_, scales_ + channel.size));
  marks_.assign(channel.size, kStays);
  moves_.clear();
}

double Balancer::sum_of(std::size_t first, std::size_t size) const {
  return in_lanes({errors_.data() + first, size}, [](double sum, double e) { return sum + e; });
}

double Balancer::max_error() const {
  return in_lanes(errors_, [](double most, double e) { return std::max(most, std::fabs(e)); });
}

void Balancer::balance(WeightView channel, std::uint8_t* codes, const float* scales,
                       BalanceTally& tally) {
  scales_ = scales;
  load(channel, codes);
  if (levels_.size() > kFewLevels) find_least_gaps(channel.size, codes);
  double sum = sum_of(0, channel.size);
  tally.largest_sum_before = std::max(tally.largest_sum_before, std::fabs(sum));
  for (std::size_t first = 0; kernel_ > 1 && first < channel.size; first += kernel_) {
    const double before = sum_of(first, kernel_);
    sum += balance_set({first, kernel_, before}, codes) - before;
  }
  sum = balance_set({0, channel.size, sum}, codes);
  tally.largest_sum_after = std::max(tally.largest_sum_after, std::fabs(sum));
  tally.max_error = std::max(tally.max_error, max_error());
  count_moves(channel, codes, tally);
}

void Balancer::count_moves(WeightView channel, const std::uint8_t* codes,
                           BalanceTally& tally) const {
  tally.moved += moves_.size();
  tally.gained.resize(levels_.size());
  for (const std::size_t i : moves_) {
    const double weight = channel.data[i];
    const std::size_t from = marks_[i] == kMovedUp ? codes[i] - 1U : codes[i] + 1U;
    tally.gained[from].count -= 1;
    tally.gained[from].sum -= weight;
    tally.gained[codes[i]].count += 1;
    tally.gained[codes[i]].sum += weight;
  }
}

double Balancer::balance_set(Set set, std::uint8_t* codes) {
  for (Queue& queue : queues_) {
    queue.heap.clear();
    queue.reached = 0;
  }
  while (set.sum != 0) {
    const Side side = set.sum > 0 ? kDown : kUp;
    if (least_scale_ * least_gap_[side] >= 2 * std::fabs(set.sum)) break;
    const std::size_t i = set.size <= kScanned ? scan(set, side, codes) : next(set, side, codes);
    if (i == kNone) break;
    set.sum += move(i, side, codes[i]);
  }
  return set.sum;
}

double Balancer::move(std::size_t i, Side side, std::uint8_t& code) {
  const double d = side == kDown ? -gap(side, i, code) : gap(side, i, code);
  code = static_cast<std::uint8_t>(side == kDown ? code - 1 : code + 1);
  errors_[i] += d;
  marks_[i] = side == kDown ? kMovedDown : kMovedUp;
  moves_.push_back(i);
  return d;
}

/// Without branches: whether a weight serves is as good as random.
std::size_t Balancer::scan(const Set& set, Side side, const std::uint8_t* codes) const {
  const double sign = side == kDown ? 1 : -1;
  const double most = 2 * std::fabs(set.sum);
  constexpr std::array<double, 2> kPenalty = {kInfinity, 0};
  std::array<double, kScanned> costs;
  for (std::size_t i = set.first; i < set.first + set.size; ++i) {
    const double error = sign * errors_[i];
    const double step = gap(side, i, codes[i]);
    const bool serves = static_cast<int>(error > 0) & static_cast<int>(step < most) &
                        static_cast<int>(marks_[i] == kStays);
    costs[i - set.first] = step - 2 * error + kPenalty[serves ? 1 : 0];
  }
  const auto end = costs.begin() + static_cast<std::ptrdiff_t>(set.size);
  double least = kInfinity;
  for (auto cost = costs.begin(); cost != end; ++cost) least = std::min(least, *cost);
  if (least == kInfinity) return kNone;
  return set.first + static_cast<std::size_t>(std::find(costs.begin(), end, least) - costs.begin());
}

/// A few that cost least, then four times as many. At first about twice as many as will be needed,
/// as though costs were uniform between zero and the gap: it takes sum / gap moves, and of all
/// weights the part cost / gap / 2 costs no more.
void Balancer::search(const Set& set, Side side, const std::uint8_t* codes) {
  Queue& queue = queues_[side];
  const double sign = side == kDown ? 1 : -1;
  const double most = 2 * std::fabs(set.sum);
  const double below = queue.reached > 0 ? queue.reached : -kInfinity;
  queue.reached = queue.reached > 0 ? 4 * queue.reached : 2 * most / static_cast<double>(set.size);
  for (std::size_t i = set.first; i < set.first + set.size; ++i) {
    const double error = sign * errors_[i];
    const double step = gap(side, i, codes[i]);
    const double cost = step - 2 * error;
    if (cost > queue.reached) continue;  // Most of them, also where the error has the other sign.
    if (cost > below && error > 0 && step < most && marks_[i] == kStays) {
      queue.heap.push_back({cost, i});
    }
  }
  std::make_heap(queue.heap.begin(), queue.heap.end());
}

std::size_t Balancer::next(const Set& set, Side side, const std::uint8_t* codes) {
  Queue& queue = queues_[side];
  const double most = 2 * std::fabs(set.sum);
  for (;;) {
    while (!queue.heap.empty()) {
      std::pop_heap(queue.heap.begin(), queue.heap.end());
      const std::size_t i = queue.heap.back().index;
      queue.heap.pop_back();
      // One that would go too far never will do: the |sum| only falls.
      if (gap(side, i, codes[i]) < most) return i;
    }
    // A cost is less than its gap, and the gap of a weight that serves less than this.
    if (queue.reached >= most) return kNone;
    search(set, side, codes);
  }
}

}  // namespace wquant
