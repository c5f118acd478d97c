#include "quant/code_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/float_convert.h"

namespace wquant {
namespace {

/// The first bin whose weights of the threshold's sign lie farther from zero than the threshold.
std::size_t bin_beyond(const Distribution& distribution, float threshold) {
  if (threshold == 0) return 0;
  if (threshold > 0) return distribution.ceil(threshold);
  return distribution.ceil(std::nextafter(-threshold, std::numeric_limits<float>::infinity()));
}

/// The weights below a threshold.
CodeShare below(const Distribution& distribution, float threshold) {
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

/// The thresholds about a code; null where it has none.
struct Ends {
  const float* low;
  const float* high;
};

Ends ends_of(const Codebook& codebook, std::size_t code) {
  return {code == 0 ? nullptr : &codebook.thresholds[code - 1],
          code == codebook.thresholds.size() ? nullptr : &codebook.thresholds[code]};
}

}  // namespace

std::vector<CodeShare> code_shares(const Distribution& distribution,
                                   std::span<const float> thresholds) {
  std::vector<CodeShare> shares;
  shares.reserve(thresholds.size() + 1);
  CodeShare before;
  for (const float threshold : thresholds) {
    const CodeShare up_to = below(distribution, threshold);
    shares.push_back({up_to.count - before.count, up_to.sum - before.sum});
    before = up_to;
  }
  const CodeShare all = {distribution.count(), distribution.count() * distribution.mean()};
  shares.push_back({all.count - before.count, all.sum - before.sum});
  return shares;
}

ShareStatistics share_statistics(const Distribution& distribution, const Codebook& codebook,
                                 std::span<const CodeShare> shares) {
  const double n = distribution.count();
  const double mean = distribution.mean();
  ShareStatistics statistics;
  statistics.squared_error = n * distribution.variance();
  // About the mean, so that nothing cancels where it is large.
  double sum = 0;
  double squares = 0;
  double products = 0;
  std::optional<float> level;  // The first that weights have.
  bool varies = false;
  for (std::size_t code = 0; code < shares.size(); ++code) {
    const CodeShare& here = shares[code];
    if (here.count > 0) varies |= codebook.levels[code] != level.value_or(codebook.levels[code]);
    if (here.count > 0 && !level) level = codebook.levels[code];
    const double d = static_cast<double>(codebook.levels[code]) - mean;
    const double weights = here.sum - mean * here.count;
    statistics.squared_error += d * (d * here.count - 2 * weights);
    statistics.entropy += entropy_term(here.count / n);
    sum += d * here.count;
    squares += d * d * here.count;
    products += d * weights;
  }
  const double variances = distribution.variance() * (squares / n - sum / n * (sum / n));
  statistics.rho = distribution.variance() > 0 ? 0 : 1;
  // One level for all leaves no more than what the sums round.
  if (varies && variances > 0) statistics.rho = products / n / std::sqrt(variances);
  return statistics;
}

CodeStatistics code_statistics(const Distribution& distribution, const Codebook& codebook) {
  const ShareStatistics all =
      share_statistics(distribution, codebook, code_shares(distribution, codebook.thresholds));
  CodeStatistics statistics;
  statistics.entropy = all.entropy;
  for (std::size_t code = 0; code < codebook.levels.size(); ++code) {
    const auto [low, high] = ends_of(codebook, code);
    statistics.max_error = std::max(
        statistics.max_error, largest_distance(distribution, low, high, codebook.levels[code]));
  }
  if (statistics.max_error > 0) statistics.squared_error = std::max(0.0, all.squared_error);
  return statistics;
}

void replace_levels(const Distribution& distribution, Codebook& codebook,
                    std::vector<float> levels) {
  codebook.levels = std::move(levels);
  if (distribution.variance() == 0) return;
  const double rho =
      share_statistics(distribution, codebook, code_shares(distribution, codebook.thresholds)).rho;
  codebook.gap = std::max(0.0, codebook.gap + codebook.rho - rho);
  codebook.rho = rho;
}

void round_levels(const Distribution& distribution, Codebook& codebook) {
  std::vector<std::byte> halves(codebook.levels.size() * size_of(Dtype::kF16));
  from_floats(Dtype::kF16, codebook.levels, halves);
  std::vector<float> rounded(codebook.levels.size());
  to_floats(Dtype::kF16, halves, rounded);
  replace_levels(distribution, codebook, std::move(rounded));
}

}  // namespace wquant
