#include "quant/stepped_levels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "coding/coded_tensor.h"
#include "quant/code_statistics.h"
#include "quant/thresholds.h"

namespace wquant {
namespace {

/// Levels to either side of zero, at most.
constexpr double kMostMultiples = 127;

/// Steps that are tried, as powers of 2 of the standard deviation, and how many of them an octave.
constexpr int kCoarsest = 2, kFinest = -5, kInOctave = 12;

/// Halvings of the octaves among which the step of an entropy is searched.
constexpr int kHalvings = 40;
/// An entropy that is farther below the one that is asked for is another.
constexpr double kEntropyShort = 0.25;
constexpr double kFinestSearched = -16, kCoarsestSearched = 4;

/// The weights of every multiple of a step.
struct SteppedCodes {
  std::vector<float> thresholds;
  std::vector<CodeShare> shares;
  double first = 0;  ///< Multiple that code 0 stands for.
  bool keeps_zeros = false;
};

SteppedCodes stepped_codes(const Distribution& distribution, double step,
                           bool keeps_zeros = false) {
  const double most = std::min(std::round(distribution.max_abs() / step), kMostMultiples);
  SteppedCodes codes;
  codes.keeps_zeros = keeps_zeros;
  for (double i = -most; i < most; ++i) {
    codes.thresholds.push_back(threshold_at(distribution, (i + 0.5) * step));
  }
  codes.shares = code_shares(distribution, codes.thresholds);
  const auto has_weights = [](const CodeShare& share) { return share.count > 0; };
  auto begin = std::ranges::find_if(codes.shares, has_weights) - codes.shares.begin();
  auto end = std::find_if(codes.shares.rbegin(), codes.shares.rend(), has_weights).base() -
             codes.shares.begin();
  if (keeps_zeros) {
    // Other weights than those of the distribution may be 0.
    const auto zero = static_cast<std::ptrdiff_t>(most);
    begin = std::min(begin, zero);
    end = std::max(end, zero + 1);
  }
  codes.first = static_cast<double>(begin) - most;
  codes.shares = {codes.shares.begin() + begin, codes.shares.begin() + end};
  codes.thresholds = {codes.thresholds.begin() + begin, codes.thresholds.begin() + (end - 1)};
  return codes;
}

std::vector<double> centroids(const SteppedCodes& codes, double step) {
  std::vector<double> levels;
  for (std::size_t code = 0; code < codes.shares.size(); ++code) {
    const CodeShare& share = codes.shares[code];
    const double middle = (codes.first + static_cast<double>(code)) * step;
    const bool is_middle = share.count == 0 || (codes.keeps_zeros && middle == 0);
    const double level = is_middle ? middle : share.sum / share.count;
    levels.push_back(levels.empty() ? level : std::max(level, levels.back()));
  }
  return levels;
}

double deviation(const Distribution& distribution) { return std::sqrt(distribution.variance()); }

double entropy(const SteppedCodes& codes, double count) {
  double bits = 0;
  for (const CodeShare& share : codes.shares) {
    if (share.count > 0) bits -= share.count / count * std::log2(share.count / count);
  }
  return bits;
}

/// The step that gives codes that entropy. Finer steps give more, until there are too few for all
/// weights to lie within; where none gives so much it is the finest with which they do.
double step_for_entropy(const Distribution& distribution, double bits) {
  double fine = kFinestSearched, coarse = kCoarsestSearched;
  const auto step_at = [&](double octave) { return std::exp2(octave) * deviation(distribution); };
  const auto entropy_at = [&](double octave) {
    return entropy(stepped_codes(distribution, step_at(octave)), distribution.count());
  };
  const auto clips = [&](double octave) {
    return kMostMultiples * step_at(octave) < distribution.max_abs();
  };
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (fine + coarse) / 2;
    const double found = entropy_at(middle);
    const bool is_fine =
        found > bits || (clips(middle) && entropy_at(middle + 1.0 / kInOctave) > found);
    (is_fine ? fine : coarse) = middle;
  }
  const bool is_reached = !clips(coarse) || entropy_at(coarse) > bits - kEntropyShort;
  return is_reached ? step_at(coarse) : distribution.max_abs() / kMostMultiples;
}

}  // namespace

LevelFit fit_stepped(const Distribution& distribution, const TensorSettings& settings,
                     bool keeps_zeros) {
  const double step = step_of(distribution, settings);
  SteppedCodes codes = stepped_codes(distribution, step, keeps_zeros);
  LevelFit found;
  found.x0 = step;
  found.gap = std::numeric_limits<double>::quiet_NaN();
  found.levels = centroids(codes, step);
  found.thresholds = std::move(codes.thresholds);
  found.fit = evaluate_levels(distribution, found.levels, found.thresholds);
  pad_levels(found);
  return found;
}

double step_of(const Distribution& distribution, const TensorSettings& settings) {
  if (settings.step > 0) return settings.step;
  if (distribution.variance() > 0) return step_for_entropy(distribution, settings.bits);
  return distribution.max_abs() > 0 ? distribution.max_abs() : 1;
}

SteppedChoice stepped_choice(const Distribution& distribution, double step, bool keeps_zeros) {
  const SteppedCodes codes = stepped_codes(distribution, step, keeps_zeros);
  std::vector<std::uint64_t> counts;
  for (const CodeShare& share : codes.shares) {
    counts.push_back(static_cast<std::uint64_t>(share.count));
  }
  const double bytes =
      estimated_bits(counts) / 8 + static_cast<double>(counts.size() * sizeof(float));
  const Fit fit = evaluate_levels(distribution, centroids(codes, step), codes.thresholds);
  const double rho = distribution.variance() > 0 ? fit.rho : 1;
  return {step, static_cast<std::uint64_t>(std::ceil(bytes)), 1 - rho * rho};
}

std::vector<SteppedChoice> stepped_choices(const Distribution& distribution, bool keeps_zeros) {
  if (distribution.variance() <= 0) {
    return {stepped_choice(distribution, step_of(distribution, {}), keeps_zeros)};
  }
  std::vector<SteppedChoice> choices;
  for (int k = kCoarsest * kInOctave; k >= kFinest * kInOctave; --k) {
    const double step = std::exp2(static_cast<double>(k) / kInOctave) * deviation(distribution);
    if (step > distribution.max_abs()) continue;
    choices.push_back(stepped_choice(distribution, step, keeps_zeros));
  }
  return choices;
}

}  // namespace wquant
