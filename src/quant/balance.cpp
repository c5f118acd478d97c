#include "quant/balance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

namespace wquant {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Of so many levels hardly one does without weights.
constexpr std::size_t kFewLevels = 16;

/// The least distance of two neighbouring levels that differ.
double least_gap(const std::vector<float>& levels) {
  double least = kInfinity;
  for (std::size_t k = 1; k < levels.size(); ++k) {
    const double gap = static_cast<double>(levels[k]) - static_cast<double>(levels[k - 1]);
    if (gap > 0) least = std::min(least, gap);
  }
  return least;
}

/// Folds values, starting from 0, in lanes that do not wait for each other.
template <typename F>
double in_lanes(std::span<const double> values, F&& fold) {
  constexpr std::size_t kLanes = 4;
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
    : codebook_(codebook), kernel_(kernel), least_gap_(least_gap(codebook.levels)) {}

double Balancer::least_gap_of(const std::uint8_t* codes, std::size_t size) const {
  const std::vector<float>& levels = codebook_.levels;
  std::array<bool, 256> occurs = {};
  for (std::size_t i = 0; i < size; ++i) occurs[codes[i]] = true;
  double least = kInfinity;
  for (std::size_t code = 1; code < levels.size(); ++code) {
    const double gap = static_cast<double>(levels[code]) - static_cast<double>(levels[code - 1]);
    if (gap > 0 && (occurs[code] || occurs[code - 1])) least = std::min(least, gap);
  }
  return least;
}

void Balancer::load(WeightView channel, const std::uint8_t* codes, const float* scales) {
  for (std::vector<double>* array : {&errors_, &steps_, &costs_}) array->resize(channel.size);
  const bool few = codebook_.levels.size() <= kFewLevels;
  least_step_ = few ? least_gap_ : least_gap_of(codes, channel.size);
  if (scales != nullptr) {
    scale_moves(channel, codes, scales);
  } else {
    kernels().find_moves(channel.data, codes, channel.size, codebook_.levels.data(), codebook_.bits,
                         {errors_.data(), steps_.data(), costs_.data()});
  }
  moved_up_.clear();
  moved_down_.clear();
}

void Balancer::scale_moves(WeightView channel, const std::uint8_t* codes, const float* scales) {
  const std::vector<float>& levels = codebook_.levels;
  const auto last = static_cast<int>(levels.size()) - 1;
  for (std::size_t i = 0; i < channel.size; ++i) {
    const double scale = scales[i];
    const double level = levels[codes[i]];
    const double error = scale * level - static_cast<double>(channel.data[i]);
    const auto next =
        static_cast<std::size_t>(std::clamp(codes[i] + (error > 0 ? -1 : 1), 0, last));
    const double step = error == 0 ? 0 : scale * (static_cast<double>(levels[next]) - level);
    errors_[i] = error;
    steps_[i] = step;
    costs_[i] = step == 0 ? kInfinity : std::fabs(step) - 2 * std::fabs(error);
  }
  least_step_ *= static_cast<double>(*std::min_element(scales, scales + channel.size));
}

double Balancer::sum_of(std::size_t first, std::size_t size) const {
  return in_lanes({errors_.data() + first, size}, [](double sum, double e) { return sum + e; });
}

double Balancer::max_error() const {
  return in_lanes(errors_, [](double most, double e) { return std::max(most, std::fabs(e)); });
}

void Balancer::balance(WeightView channel, std::uint8_t* codes, const float* scales,
                       BalanceTally& tally) {
  load(channel, codes, scales);
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
  tally.gained.resize(codebook_.levels.size());
  const auto count = [&](std::size_t i, std::size_t from) {
    const double weight = channel.data[i];
    tally.gained[from].count -= 1;
    tally.gained[from].sum -= weight;
    tally.gained[codes[i]].count += 1;
    tally.gained[codes[i]].sum += weight;
  };
  for (const std::size_t i : moved_up_) count(i, codes[i] - 1U);
  for (const std::size_t i : moved_down_) count(i, codes[i] + 1U);
  tally.moved += moved_up_.size() + moved_down_.size();
}

double Balancer::balance_set(Set set, std::uint8_t* codes) {
  // A small set is searched anew for each move.
  const bool small = set.size <= kMostScanned;
  for (std::size_t side = 0; !small && side < queues_.size(); ++side) {
    queues_[side].heap.clear();
    queues_[side].reached = 0;
  }
  while (least_step_ < 2 * std::fabs(set.sum)) {
    const std::size_t i = small ? scan(set) : next(set);
    if (i == kNone) break;
    set.sum += steps_[i];
    move(i, codes[i]);
  }
  return set.sum;
}

void Balancer::move(std::size_t i, std::uint8_t& code) {
  const bool up = steps_[i] > 0;
  (up ? moved_up_ : moved_down_).push_back(i);
  code = static_cast<std::uint8_t>(up ? code + 1 : code - 1);
  errors_[i] += std::exchange(steps_[i], 0);
}

std::size_t Balancer::scan(const Set& set) const {
  const std::size_t best =
      kernels().find_cheapest(costs_.data() + set.first, steps_.data() + set.first, set.size,
                              set.sum > 0 ? -1 : 1, 2 * std::fabs(set.sum));
  return best == set.size ? kNone : set.first + best;
}

/// A few that cost least, then four times as many. At first about twice as many as will be needed,
/// as though costs were uniform between zero and the gap: it takes sum / gap moves, and of all
/// weights the part cost / gap / 2 costs no more.
void Balancer::search(const Set& set, Queue& queue) {
  const double most = 2 * std::fabs(set.sum);
  const double below = queue.reached > 0 ? queue.reached : -kInfinity;
  queue.reached = queue.reached > 0 ? 4 * queue.reached : 2 * most / static_cast<double>(set.size);
  const MoveQuery query = {set.sum > 0 ? -1.0 : 1.0, most, below, queue.reached};
  found_.resize(set.size);
  const std::size_t count = kernels().select_moves(
      costs_.data() + set.first, steps_.data() + set.first, set.size, query, found_.data());
  for (const std::uint32_t i : std::span(found_).first(count)) {
    queue.heap.push_back({costs_[set.first + i], set.first + i});
  }
  std::make_heap(queue.heap.begin(), queue.heap.end());
}

std::size_t Balancer::next(const Set& set) {
  Queue& queue = queues_[set.sum > 0 ? 0 : 1];
  const double most = 2 * std::fabs(set.sum);
  for (;;) {
    while (!queue.heap.empty()) {
      std::pop_heap(queue.heap.begin(), queue.heap.end());
      const std::size_t i = queue.heap.back().index;
      queue.heap.pop_back();
      // One that would go too far never will do: the |sum| only falls.
      if (std::fabs(steps_[i]) < most) return i;
    }
    // A cost is less than its step, and that of a weight that serves less than this.
    if (queue.reached >= most) return kNone;
    search(set, queue);
  }
}

}  // namespace wquant
