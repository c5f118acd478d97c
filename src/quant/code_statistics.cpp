#include "quant/code_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace wquant {
namespace {

/// The first bin whose weights of the threshold's sign lie farther from zero than the threshold.
std::size_t bin_beyond(const Distribution& distribution, float threshold) {
  if (threshold == 0) return 0;
  if (threshold > 0) return distribution.ceil(threshold);
  return distribution.ceil(std::nextafter(-threshold, std::numeric_limits<float>::infinity()));
}

/// The weights below a threshold.
Share below(const Distribution& distribution, float threshold) {
  const Tail& all = distribution.tail(0);
  const Tail& beyond = distribution.tail(bin_beyond(distribution, threshold));
  if (threshold <= 0) return {beyond.negative, -beyond.negative_sum};
  const double sum = (all.sum - beyond.sum) - (all.negative_sum - beyond.negative_sum);
  return {all.count - (beyond.count - beyond.negative), sum - all.negative_sum};
}

double entropy_term(double share) { return share > 0 ? -share * std::log2(share) : 0; }

/// Weights of one sign above the lower edge of a bin.
double count_above(const Distribution& distribution, std::size_t bin, bool negative) {
  const Tail& tail = distribution.tail(bin);
  return negative ? tail.negative : tail.count - tail.negative;
}

/// The largest distance of weights of one sign, in bins [begin, end), from a level's magnitude.
double largest_distance(const Distribution& distribution, std::size_t begin, std::size_t end,
                        bool negative, double magnitude) {
  const auto above = [&](std::size_t bin) { return count_above(distribution, bin, negative); };
  if (begin >= end || above(begin) == above(end)) return 0;
  while (above(begin) == above(begin + 1)) ++begin;
  while (above(end - 1) == above(end)) --end;
  return std::max(std::fabs(magnitude - static_cast<double>(distribution.lower(begin))),
                  std::fabs(static_cast<double>(distribution.upper(end - 1)) - magnitude));
}

/// Of the weights of one code, which lie between two thresholds.
double largest_distance(const Distribution& distribution, const float* low, const float* high,
                        double level) {
  const std::size_t bins = distribution.bins();
  double largest = 0;
  if (high == nullptr || *high > 0) {
    const bool from_zero = low == nullptr || *low <= 0;
    largest =
        largest_distance(distribution, from_zero ? 0 : bin_beyond(distribution, *low),
                         high == nullptr ? bins : bin_beyond(distribution, *high), false, level);
  }
  if (low == nullptr || *low < 0) {
    const bool from_zero = high == nullptr || *high >= 0;
    largest = std::max(
        largest,
        largest_distance(distribution, from_zero ? 0 : bin_beyond(distribution, *high),
                         low == nullptr ? bins : bin_beyond(distribution, *low), true, -level));
  }
  return largest;
}

}  // namespace

std::vector<Share> code_shares(const Distribution& distribution,
                               std::span<const float> thresholds) {
  std::vector<Share> shares;
  shares.reserve(thresholds.size() + 1);
  Share before;
  for (const float threshold : thresholds) {
    const Share up_to = below(distribution, threshold);
    shares.push_back({up_to.count - before.count, up_to.sum - before.sum});
    before = up_to;
  }
  const Share all = {distribution.count(), distribution.count() * distribution.mean()};
  shares.push_back({all.count - before.count, all.sum - before.sum});
  return shares;
}

CodeStatistics code_statistics(const Distribution& distribution, const Codebook& codebook) {
  const double n = distribution.count();
  const double mean = distribution.mean();
  CodeStatistics statistics;
  double squares = n * distribution.variance();
  const std::vector<Share> shares = code_shares(distribution, codebook.thresholds);
  for (std::size_t code = 0; code < codebook.levels.size(); ++code) {
    const float* low = code == 0 ? nullptr : &codebook.thresholds[code - 1];
    const float* high = code == codebook.thresholds.size() ? nullptr : &codebook.thresholds[code];
    const Share& here = shares[code];
    // About the mean, so that nothing cancels where it is large.
    const double level = codebook.levels[code];
    const double d = level - mean;
    squares += d * (d * here.count - 2 * (here.sum - mean * here.count));
    statistics.entropy += entropy_term(here.count / n);
    statistics.max_error =
        std::max(statistics.max_error, largest_distance(distribution, low, high, level));
  }
  if (statistics.max_error > 0) statistics.squared_error = std::max(0.0, squares);
  return statistics;
}

}  // namespace wquant
