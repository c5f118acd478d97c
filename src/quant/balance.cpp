#include "quant/balance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace wquant {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Sets of at most so many weights are searched anew for each move.
constexpr std::size_t kScanned = 64;

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
    : codebook_(codebook), kernel_(kernel), gaps_(gaps_of(codebook.levels)) {
  for (const Side side : {kDown, kUp}) {
    least_gap_[side] = *std::min_element(gaps_[side].begin(), gaps_[side].end());
  }
}

void Balancer::load(WeightView channel, const std::uint8_t* codes) {
  errors_.resize(channel.size);
  for (std::size_t i = 0; i < channel.size; ++i) {
    errors_[i] =
        static_cast<double>(codebook_.levels[codes[i]]) - static_cast<double>(channel.data[i]);
  }
  moved_.assign(channel.size, kStays);
  moves_.clear();
}

double Balancer::sum_of(std::size_t first, std::size_t size) const {
  const auto begin = errors_.begin() + static_cast<std::ptrdiff_t>(first);
  return std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(size), 0.0);
}

void Balancer::balance(WeightView channel, std::uint8_t* codes, BalanceTally& tally) {
  load(channel, codes);
  tally.largest_sum_before = std::max(tally.largest_sum_before, std::fabs(sum_of(0, channel.size)));
  if (kernel_ > 1) {
    for (std::size_t first = 0; first < channel.size; first += kernel_) {
      balance_set({first, kernel_, sum_of(first, kernel_)}, codes);
    }
  }
  balance_set({0, channel.size, sum_of(0, channel.size)}, codes);
  tally.largest_sum_after = std::max(tally.largest_sum_after, std::fabs(sum_of(0, channel.size)));
  for (const double error : errors_) tally.max_error = std::max(tally.max_error, std::fabs(error));
  tally.moved += moves_.size();
  tally.gained.resize(codebook_.levels.size());
  for (const std::size_t i : moves_) {
    const double weight = channel.data[i];
    const std::size_t from = moved_[i] == kMovedUp ? codes[i] - 1U : codes[i] + 1U;
    tally.gained[from].count -= 1;
    tally.gained[from].sum -= weight;
    tally.gained[codes[i]].count += 1;
    tally.gained[codes[i]].sum += weight;
  }
}

void Balancer::balance_set(Set set, std::uint8_t* codes) {
  for (Queue& queue : queues_) {
    queue.heap.clear();
    queue.searches = 0;
  }
  while (set.sum != 0) {
    const Side side = set.sum > 0 ? kDown : kUp;
    if (least_gap_[side] >= 2 * std::fabs(set.sum)) return;
    const std::optional<std::size_t> found = cheapest(set, side, codes);
    if (!found) return;
    const double d = side == kDown ? -gaps_[side][codes[*found]] : gaps_[side][codes[*found]];
    errors_[*found] += d;
    set.sum += d;
    codes[*found] =
        static_cast<std::uint8_t>(side == kDown ? codes[*found] - 1 : codes[*found] + 1);
    moved_[*found] = side == kDown ? kMovedDown : kMovedUp;
    moves_.push_back(*found);
  }
}

template <typename F>
void Balancer::for_each_candidate(const Set& set, Side side, const std::uint8_t* codes,
                                  F&& f) const {
  const double sign = side == kDown ? 1 : -1;
  const double* gaps = gaps_[side].data();
  const double most = 2 * std::fabs(set.sum);
  for (std::size_t i = set.first; i < set.first + set.size; ++i) {
    const double error = sign * errors_[i];
    const double gap = gaps[codes[i]];
    if (error > 0 && gap < most && moved_[i] == kStays) f(gap - 2 * error, i);
  }
}

std::optional<std::size_t> Balancer::scan(const Set& set, Side side,
                                          const std::uint8_t* codes) const {
  std::optional<std::size_t> best;
  double least = kInfinity;
  for_each_candidate(set, side, codes, [&](double cost, std::size_t i) {
    if (cost >= least) return;
    least = cost;
    best = i;
  });
  return best;
}

/// First for about twice as many as will be needed, as though costs were uniform between zero and
/// the gap: sum / gap moves, of which size / 2 * cost / gap cost no more. Then for all others.
void Balancer::search(const Set& set, Side side, const std::uint8_t* codes) {
  Queue& queue = queues_[side];
  const bool last = ++queue.searches == kSearches;
  const double below = last ? queue.reached : -kInfinity;
  queue.reached = last ? kInfinity : 4 * std::fabs(set.sum) / static_cast<double>(set.size);
  for_each_candidate(set, side, codes, [&](double cost, std::size_t i) {
    if (cost > below && cost <= queue.reached) queue.heap.push_back({cost, i});
  });
  std::make_heap(queue.heap.begin(), queue.heap.end());
}

std::optional<std::size_t> Balancer::cheapest(const Set& set, Side side,
                                              const std::uint8_t* codes) {
  if (set.size <= kScanned) return scan(set, side, codes);
  Queue& queue = queues_[side];
  for (;;) {
    while (!queue.heap.empty()) {
      std::pop_heap(queue.heap.begin(), queue.heap.end());
      const std::size_t i = queue.heap.back().index;
      queue.heap.pop_back();
      // One that would go too far never will do: the |sum| only falls.
      if (gaps_[side][codes[i]] < 2 * std::fabs(set.sum)) return i;
    }
    if (queue.searches == kSearches) return {};
    search(set, side, codes);
  }
}

}  // namespace wquant
