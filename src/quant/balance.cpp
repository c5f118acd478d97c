#include "quant/balance.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

namespace wquant {
namespace {

/// Errors are float32 sums of two, the second at most twice the sum: none is larger times this.
constexpr double kAsBound = 1 + 0x1p-21;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLeastFloat = std::numeric_limits<float>::denorm_min();

/// Weights of kernels at a time, which stay in the first-level cache.
constexpr std::size_t kAtATime = 2048;

/// With s the sum of errors, moving e by d against both lowers sum e^2 + f s^2 where
///   |d| (1 + f) < 2 |e| + f 2 |s|.
constexpr float kKernelPull = Balancer::kKernelWeight / (1 + Balancer::kKernelWeight);

/// A cost and an index as one number, in the order of the costs, then of the indices.
std::uint64_t candidate(float cost, std::size_t index) {
  constexpr std::uint32_t kSign = 0x80000000;
  const auto bits = std::bit_cast<std::uint32_t>(cost);
  const std::uint32_t ordered = (bits & kSign) != 0 ? ~bits : bits | kSign;
  return std::uint64_t{ordered} << 32 | index;
}

std::size_t index_of(std::uint64_t candidate) { return candidate & 0xFFFFFFFF; }

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
    : codebook_(codebook), kernel_(kernel) {}

double Balancer::load(WeightView channel, const std::uint8_t* codes, const float* scales) {
  errors_.resize(channel.size);
  steps_.resize(channel.size);
  MoveSums sums;
  kernels().find_moves(channel.data, codes, channel.size,
                       {codebook_.levels.data(), codebook_.bits, scales},
                       {errors_.data(), steps_.data()}, &sums);
  least_step_ = sums.least_step;
  return std::accumulate(std::begin(sums.errors), std::end(sums.errors), 0.0);
}

void Balancer::balance(WeightView channel, std::uint8_t* codes, const float* scales,
                       BalanceTally& tally) {
  tally.gained.resize(codebook_.levels.size());
  double sum = load(channel, codes, scales);
  tally.largest_sum_before = std::max(tally.largest_sum_before, std::fabs(sum));
  const Channel changed = {channel, codes, tally};
  if (kernel_ > 1) sum += balance_kernels(changed);
  sum += balance_set({0, channel.size, sum}, changed);
  tally.largest_sum_after = std::max(tally.largest_sum_after, std::fabs(sum));
  tally.max_error = std::max(tally.max_error, kAsBound * static_cast<double>(max_error()));
}

float Balancer::max_error() const {
  constexpr std::size_t kLanes = 32;  // So many that none waits for the one before.
  std::array<float, kLanes> lanes = {};
  std::size_t i = 0;
  for (; i + kLanes <= errors_.size(); i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      lanes[k] = std::max(lanes[k], std::fabs(errors_[i + k]));
    }
  }
  for (; i < errors_.size(); ++i) lanes[0] = std::max(lanes[0], std::fabs(errors_[i]));
  return *std::ranges::max_element(lanes);
}

void Balancer::count_move(const Channel& channel, MovedWeight moved) {
  const std::uint8_t from = channel.codes[moved.index];
  const auto to = static_cast<std::uint8_t>(moved.step > 0 ? from + 1 : from - 1);
  channel.codes[moved.index] = to;
  const double weight = channel.weights.data[moved.index];
  std::vector<CodeShare>& gained = channel.tally.gained;
  gained[from].count -= 1;
  gained[from].sum -= weight;
  gained[to].count += 1;
  gained[to].sum += weight;
  ++channel.tally.moved;
}

/// A kernel that is too large to be searched anew for each move is searched as a channel is.
double Balancer::balance_kernels(const Channel& channel) {
  if (kernel_ <= kMostSideBySide) return balance_small_kernels(channel);
  double added = 0;
  for (std::size_t first = 0; first < channel.weights.size; first += kernel_) {
    const auto begin = errors_.begin() + static_cast<std::ptrdiff_t>(first);
    const double sum = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(kernel_), 0.0);
    added += balance_set({first, kernel_, sum, kKernelPull}, channel);
  }
  return added;
}

double Balancer::balance_small_kernels(const Channel& channel) {
  const std::size_t width = kernel_ * kSideBySide;
  const std::size_t step = (kAtATime + width - 1) / width * width;
  moved_.resize(step);
  double added = 0;
  for (std::size_t first = 0; first < channel.weights.size; first += step) {
    const std::size_t kernels_here = std::min(step, channel.weights.size - first) / kernel_;
    const std::size_t count =
        kernels().move_in_kernels(kernel_, kernels_here, kKernelPull,
                                  {errors_.data() + first, steps_.data() + first}, moved_.data());
    for (const MovedWeight& moved : std::span(moved_).first(count)) {
      added += static_cast<double>(moved.step);
      count_move(channel, {static_cast<std::uint32_t>(first) + moved.index, moved.step});
    }
  }
  return added;
}

double Balancer::balance_set(Set set, const Channel& channel) {
  for (Queue& queue : queues_) {
    queue.candidates.clear();
    queue.next = 0;
    queue.reached = 0;
  }
  const double before = set.sum;
  while (static_cast<double>(least_step_) < 2 * std::fabs(set.sum)) {
    const std::size_t i = next(set);
    if (i == kNone) break;
    const float step = std::exchange(steps_[i], 0);
    errors_[i] += step;
    set.sum += static_cast<double>(step);
    count_move(channel, {static_cast<std::uint32_t>(i), step});
  }
  return set.sum - before;
}

float Balancer::cost(std::size_t i) const {
  return std::fabs(steps_[i]) - 2 * std::fabs(errors_[i]);
}

/// Those that cost least, then those of up to four times their cost. At first about as many as will
/// be needed: it takes sum / gap moves, and where costs are uniform between zero and the gap, the
/// part cost / gap / 2 of all weights moves in one direction for no more.
void Balancer::search(const Set& set, Queue& queue) {
  const auto most = static_cast<float>(2 * std::fabs(set.sum));
  const float below = queue.reached > 0 ? queue.reached : -kInfinity;
  queue.reached = queue.reached > 0 ? 4 * queue.reached
                                    : std::max(most / static_cast<float>(set.size), kLeastFloat);
  const MoveQuery query = {set.sum > 0 ? -1.0F : 1.0F, most, below, queue.reached};
  found_.resize(set.size);
  const std::size_t count = kernels().select_moves(
      errors_.data() + set.first, steps_.data() + set.first, set.size, query, found_.data());
  queue.candidates.clear();
  queue.next = 0;
  for (const std::uint32_t i : std::span(found_).first(count)) {
    const std::size_t index = set.first + i;
    queue.candidates.push_back(candidate(cost(index), index));
  }
  std::sort(queue.candidates.begin(), queue.candidates.end());
}

std::size_t Balancer::next(const Set& set) {
  Queue& queue = queues_[set.sum > 0 ? 0 : 1];
  const auto most = static_cast<float>(2 * std::fabs(set.sum));
  for (;;) {
    while (queue.next < queue.candidates.size()) {
      const std::size_t i = index_of(queue.candidates[queue.next++]);
      const float pulled = set.pull * most + (1 - set.pull) * 2 * std::fabs(errors_[i]);
      // One that would go too far never will do: the |sum| only falls.
      if (std::fabs(steps_[i]) < std::min(most, pulled)) return i;
    }
    // A cost is less than its step, and that of a weight that serves less than this.
    if (queue.reached >= most) return kNone;
    search(set, queue);
  }
}

}  // namespace wquant
