#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "quant/exact_search.h"
#include "quant/family.h"
#include "quant/free_bound.h"
#include "quant/partition.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::array<Family, 2> kFamilies = {{
    {{"linear", "equal intervals of width x0"}, linear_space},
    {{"exp", "interval widths grow by the ratio r from x0 on"}, exp_space},
}};

/// The second bound takes some 100 look-ups a cell; with too few cells it proves nothing.
constexpr double kLeastEffortForBound = 1e5;

/// Share of the loss 1 - rho below which a gap needs no second bound.
constexpr double kGoodGap = 0.01;

float clamp_to_float(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::min(value, kMax));
}

double rescale_factor(const Distribution& distribution, const Fit& fit, Rescale rescale) {
  switch (rescale) {
    case Rescale::kVariance:
      return fit.variance > 0 && distribution.variance() > 0
                 ? std::sqrt(distribution.variance() / fit.variance)
                 : 1;
    case Rescale::kMse:
      return fit.least_squares > 0 ? fit.least_squares : 1;
    case Rescale::kNone:
      break;
  }
  return 1;
}

/// Levels -v_(K-1), ..., -v_0, v_0, ..., v_(K-1), all times `scale`.
std::vector<float> mirrored_levels(std::span<const double> magnitudes, double scale) {
  const std::size_t k = magnitudes.size();
  std::vector<float> levels(2 * k);
  for (std::size_t i = 0; i < k; ++i) {
    levels[k + i] = clamp_to_float(magnitudes[i] * scale);
    levels[k - 1 - i] = -levels[k + i];
  }
  return levels;
}

/// Thresholds at zero and +-b_k; a magnitude interval is closed below for both signs.
std::vector<float> mirrored_thresholds(const Distribution& distribution, double x0, double r,
                                       std::size_t intervals) {
  std::vector<double> b(intervals - 1);
  place_boundaries(x0, r, b);
  std::vector<float> thresholds(2 * intervals - 1, distribution.zero_threshold());
  for (std::size_t k = 1; k < intervals; ++k) {
    const float t = distribution.threshold(b[k - 1]);
    thresholds[intervals - 1 + k] = t;
    thresholds[intervals - 1 - k] = std::nextafter(-t, std::numeric_limits<float>::infinity());
  }
  return thresholds;
}

/// All weights are +-c: x0 = 2c puts c in the middle of the first interval, and nothing is lost.
SearchResult one_magnitude_result(const Distribution& distribution) {
  SearchResult result;
  result.x0 = 2 * distribution.max_abs();
  return result;
}

/// With one bit there is no boundary; x0 is twice the only magnitude, mean |w|.
SearchResult one_interval_result(Objective& objective, const Distribution& distribution) {
  SearchResult result;
  result.x0 = 2 * distribution.tail(0).sum / distribution.count();
  result.fit = objective.evaluate(result.x0, 1);
  return result;
}

/// Takes the guess instead of what was found where that costs next to nothing.
void prefer_guess(const Distribution& distribution, const TensorSettings& settings,
                  const Codebook& guess, SearchResult& found) {
  if (distribution.count() == 0) return;
  Objective objective(distribution, settings.bits, settings.values);
  const double rho = objective.evaluate(guess.x0, guess.ratio).rho;
  const double loss = std::max(0.0, found.fit.rho - rho);
  if (loss > kGuessLoss * (1 - found.fit.rho)) return;
  found.x0 = guess.x0;
  found.r = guess.ratio;
  found.gap += loss;
}

}  // namespace

const Family& find_family(std::string_view name) {
  std::array<std::string_view, kFamilies.size()> names;
  for (std::size_t i = 0; i < kFamilies.size(); ++i) {
    if (kFamilies[i].info.name == name) return kFamilies[i];
    names[i] = kFamilies[i].info.name;
  }
  throw Error("unknown mode \"" + printable(name) + "\"", suggest(name, names), ErrorKind::kUsage);
}

std::span<const FamilyInfo> families() {
  static constexpr auto kInfos = [] {
    std::array<FamilyInfo, kFamilies.size()> infos;
    for (std::size_t i = 0; i < infos.size(); ++i) infos[i] = kFamilies[i].info;
    return infos;
  }();
  return kInfos;
}

SearchEffort SearchEffort::for_tensors(std::size_t count) {
  constexpr double kAll = 1e7, kMost = 1e6;
  return {std::min(kAll / static_cast<double>(std::max<std::size_t>(count, 1)), kMost)};
}

double SearchEffort::of(double weights, int intervals) const {
  const double most = std::clamp(100 * weights, 2e5, 1e6);
  const double fewest = 400.0 * intervals;
  return std::clamp(std::max(weights / 50, least), fewest, most);
}

SearchResult find_partition(const Distribution& distribution, const TensorSettings& settings,
                            SearchEffort effort_of_all) {
  if (distribution.count() == 0) return {};
  if (distribution.one_magnitude()) return one_magnitude_result(distribution);
  Objective objective(distribution, settings.bits, settings.values);
  if (objective.intervals() == 1) return one_interval_result(objective, distribution);
  const double effort = effort_of_all.of(distribution.count(), objective.intervals());
  SearchResult found =
      search(objective, find_family(settings.mode).space(distribution, settings), effort);
  if (found.gap > kGoodGap * (1 - found.fit.rho) && effort >= kLeastEffortForBound) {
    const double bound = free_bound(distribution, objective.intervals(), effort);
    found.gap = std::clamp(bound - found.fit.rho, 0.0, found.gap);
  }
  return found;
}

Codebook codebook_of(const Distribution& distribution, const TensorSettings& settings,
                     const SearchResult& found) {
  const auto intervals = std::size_t{1} << (settings.bits - 1);
  Codebook book;
  book.bits = settings.bits;
  if (distribution.count() == 0) {
    book.levels.assign(2 * intervals, 0);
    book.thresholds.assign(2 * intervals - 1, 0);
    return book;
  }
  Objective objective(distribution, settings.bits, settings.values);
  const Fit fit = objective.evaluate(found.x0, found.r);
  book.x0 = found.x0;
  book.ratio = found.r;
  // Without variance a correlation does not exist; the one level is right, so nothing is lost.
  book.rho = distribution.variance() > 0 ? fit.rho : 1;
  book.gap = std::min(found.gap, 1 - book.rho);
  book.relative_error_unscaled = fit.relative_error;
  book.scale = rescale_factor(distribution, fit, settings.rescale);
  book.levels = mirrored_levels(objective.magnitudes(found.x0, found.r), book.scale);
  book.thresholds = mirrored_thresholds(distribution, found.x0, found.r, intervals);
  return book;
}

Codebook fit_codebook(const Distribution& distribution, const TensorSettings& settings,
                      SearchEffort effort, const Codebook* guess) {
  SearchResult found = find_partition(distribution, settings, effort);
  if (guess != nullptr) prefer_guess(distribution, settings, *guess, found);
  return codebook_of(distribution, settings, found);
}

Codebook fit_codebook(std::span<const float> weights, const TensorSettings& settings) {
  check(settings);
  KeyTable table;
  Distribution distribution = distribution_of(weights, table);
  if (settings.search == SearchRule::kExact) {
    return fit_exactly({weights.data(), weights.size()}, settings, SearchEffort(), distribution);
  }
  return fit_codebook(distribution, settings, SearchEffort());
}

}  // namespace wquant
