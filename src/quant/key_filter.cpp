#include "quant/key_filter.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <utility>

namespace wquant {
namespace {

/// What it costs not to filter, and to look flags up instead of comparing with edges: as shares of
/// the weights that could pass for the same time.
constexpr double kNoFilter = 0.7, kFlags = 0.2;

/// Most ranges that edges can tell.
constexpr std::size_t kRanges = kWantedEdges / 2;

/// Keys that pass, and how many weights lie between the range before and this one.
struct Range {
  std::uint32_t begin, end;
  double gap;
};

/// Marked keys next to each other, and the weights of them all.
struct MarkedRanges {
  std::vector<Range> ranges;
  double weights = 0;
};

MarkedRanges marked_ranges(const MagnitudeMarks& marks, const Distribution& distribution) {
  MarkedRanges found;
  double gap = 0;
  for (std::size_t bin = 0; bin < distribution.bins(); ++bin) {
    const double count = distribution.tail(bin).count - distribution.tail(bin + 1).count;
    if (!marks[marks.key(distribution.lower(bin))]) {
      gap += count;
      continue;
    }
    found.weights += count;
    const std::uint32_t key = std::bit_cast<std::uint32_t>(distribution.lower(bin)) >> kKeyShift;
    if (found.ranges.empty() || found.ranges.back().end < key) {
      found.ranges.push_back({key, key + 1, gap});
      gap = 0;
    }
    found.ranges.back().end = key + 1;
  }
  return found;
}

/// Closes the smallest gaps, so that few ranges are left. Returns the weights that lie in them.
double close_gaps(std::vector<Range>& ranges) {
  if (ranges.size() <= kRanges) return 0;
  std::vector<double> gaps;
  for (std::size_t i = 1; i < ranges.size(); ++i) gaps.push_back(ranges[i].gap);
  std::nth_element(gaps.begin(), gaps.begin() + (kRanges - 1), gaps.end(), std::greater<>());
  const double open = gaps[kRanges - 1];  // Gaps that are wider stay open.
  double closed = 0;
  std::vector<Range> left = {ranges.front()};
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].gap > open) {
      left.push_back(ranges[i]);
    } else {
      left.back().end = ranges[i].end;
      closed += ranges[i].gap;
    }
  }
  ranges = std::move(left);
  return closed;
}

float edge_of(std::uint32_t key) { return std::bit_cast<float>(key << kKeyShift); }

}  // namespace

KeyFilter::KeyFilter(const MagnitudeMarks& marks, const Distribution& distribution) {
  auto [exactly, marked] = marked_ranges(marks, distribution);
  std::vector<Range> joined = exactly;
  const double by_edges = marked + close_gaps(joined);
  const double by_flags = marked + kFlags * distribution.count();
  if (std::min(by_edges, by_flags) > kNoFilter * distribution.count()) return;
  has_edges_ = by_edges <= by_flags;
  const std::vector<Range>& ranges = has_edges_ ? joined : exactly;
  flags_.resize(kKeys / 2);
  for (const Range& range : ranges) {
    std::fill(flags_.begin() + range.begin, flags_.begin() + range.end, std::uint8_t{1});
  }
  edges_.fill(std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; has_edges_ && i < ranges.size(); ++i) {
    edges_[2 * i] = edge_of(ranges[i].begin);
    edges_[2 * i + 1] = edge_of(ranges[i].end);
  }
}

WeightView KeyFilter::pass_step(WeightView weights, float* room) const {
  const WantedKeys wanted = {flags_.data(), has_edges_ ? edges_.data() : nullptr};
  return {room, kernels().select_wanted(weights.data, weights.size, wanted, room)};
}

}  // namespace wquant
