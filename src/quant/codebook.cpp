#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "base/float_environment.h"
#include "base/text.h"
#include "quant/code_statistics.h"
#include "quant/exact_search.h"
#include "quant/family.h"
#include "quant/free_bound.h"
#include "quant/partition.h"
#include "quant/stepped_levels.h"
#include "quant/thresholds.h"
#include "quant/zero_level.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Levels that no setting shapes: they cannot be rescaled either.
constexpr FamilyInfo rigid(std::string_view name, std::string_view help) {
  return {name, help, 1, 8, false, false, false};
}

constexpr std::array<Family, 7> kFamilies = {{
    {{"linear", "equal intervals of width x0"}, linear_space},
    {{"exp", "interval widths grow by the ratio r from x0 on"}, exp_space},
    {{"kmeans", "free levels, the best there are", 1, 8, false}, nullptr, fit_kmeans},
    {{"binary", "plus and minus the mean magnitude", 1, 1, true, true, false}, binary_space},
    {{"ternary", "-v, 0 and v", 2, 2, false, true, false}, nullptr, fit_ternary},
    {rigid("pow2", "powers of two of either sign"), nullptr, fit_pow2},
    {rigid("fixed", "fixed-point numbers i 2^-f"), nullptr, fit_fixed},
}};

/// The second bound takes some 100 look-ups a cell; with too few cells it proves nothing.
constexpr double kLeastEffortForBound = 1e5;

/// Share of the loss 1 - rho below which a gap needs no second bound.
constexpr double kGoodGap = 0.01;

float to_float(double level) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(level, -kMax, kMax));
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

/// Levels -v_(K-1), ..., -v_0, v_0, ..., v_(K-1).
std::vector<double> mirrored_levels(std::span<const double> magnitudes) {
  const std::size_t k = magnitudes.size();
  std::vector<double> levels(2 * k);
  for (std::size_t i = 0; i < k; ++i) {
    levels[k + i] = magnitudes[i];
    levels[k - 1 - i] = -magnitudes[i];
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
    thresholds[intervals - 1 + k] = threshold_at(distribution, b[k - 1]);
    thresholds[intervals - 1 - k] = threshold_at(distribution, -b[k - 1]);
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

/// Levels of a mirrored codebook that some weight may use: one sign uses one half.
std::size_t used_levels(const Objective& objective) {
  const Tail& all = objective.distribution().tail(0);
  const auto intervals = static_cast<std::size_t>(objective.intervals());
  return all.negative == 0 || all.negative == all.count ? intervals : 2 * intervals;
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

/// The mirrored codebook of a partition.
LevelFit fit_mirrored(const Distribution& distribution, const TensorSettings& settings,
                      const SearchResult& found) {
  Objective objective(distribution, settings.bits, settings.values);
  LevelFit result = {{}, {}, found.x0, found.r, objective.evaluate(found.x0, found.r), found.gap};
  result.levels = mirrored_levels(objective.magnitudes(found.x0, found.r));
  result.thresholds = mirrored_thresholds(distribution, found.x0, found.r,
                                          static_cast<std::size_t>(objective.intervals()));
  return result;
}

/// What the family finds.
LevelFit fit_levels(const Distribution& distribution, const TensorSettings& settings,
                    SearchEffort effort) {
  const Family& family = find_family(settings.mode);
  if (family.fit != nullptr) return family.fit(distribution, settings);
  return fit_mirrored(distribution, settings, find_partition(distribution, settings, effort));
}

/// Codebook for no weights at all.
Codebook empty_codebook(int bits) {
  Codebook book;
  book.bits = bits;
  book.levels.assign(std::size_t{1} << bits, 0);
  book.thresholds.assign(book.levels.size() - 1, 0);
  return book;
}

/// Whether float32 holds a level with fewer bits than others.
bool is_denormal(float level) { return std::fpclassify(level) == FP_SUBNORMAL; }

/// The codebook of levels before their rescale.
Codebook rescaled_codebook(const Distribution& distribution, const TensorSettings& settings,
                           LevelFit found) {
  Codebook book;
  book.bits = static_cast<int>(std::bit_width(found.levels.size())) - 1;
  book.x0 = found.x0;
  book.ratio = found.r;
  // Without variance a correlation does not exist, so nothing of it is lost.
  book.rho = distribution.variance() > 0 ? found.fit.rho : 1;
  book.gap = std::min(found.gap, 1 - book.rho);
  book.relative_error_unscaled = found.fit.relative_error;
  book.scale = rescale_factor(distribution, found.fit, settings.rescale);
  for (const double level : found.levels) book.levels.push_back(to_float(level * book.scale));
  book.thresholds = std::move(found.thresholds);
  // What other levels lose as float32 is far below what rho tells.
  if (std::ranges::any_of(book.levels, is_denormal)) {
    replace_levels(distribution, book, book.levels);
  }
  return book;
}

/// The levels for weights that are not 0, or those of a family that has one at 0 anyhow. As 0 is to
/// stay 0, a mean is no help: mirrored levels are those that keep most of the power.
LevelFit fit_others(const Distribution& distribution, const TensorSettings& settings,
                    SearchEffort effort) {
  const Family& family = find_family(settings.mode);
  if (!family.info.takes_zero) return fit_levels(distribution, settings, effort);
  const Distribution others = distribution.without_zeros();
  return fit_levels(family.space != nullptr ? others.mirrored() : others, settings, effort);
}

/// The codebook with a level for zeros. Beside a mask there may be one more than without, which is
/// no gain where signs differ much.
Codebook fit_with_zeros(const Distribution& distribution, const TensorSettings& settings,
                        ZeroForm form, SearchEffort effort) {
  const LevelFit all = fit_levels(distribution, settings, effort);
  const LevelFit others = fit_others(distribution, settings, effort);
  if (form == ZeroForm::kLevel) {
    return rescaled_codebook(distribution, settings, with_zero_level(distribution, all, others));
  }
  LevelFit found = with_masked_zeros(distribution, others);
  if (find_family(settings.mode).info.takes_zero) {
    LevelFit fewer = with_zero_level(distribution, all, others);
    if (fewer.fit.rho > found.fit.rho) found = std::move(fewer);
  }
  const std::size_t zero = code_of_zero(found);
  pad_levels(found);
  Codebook book = rescaled_codebook(distribution, settings, std::move(found));
  book.masked_code = static_cast<std::uint8_t>(zero);
  return book;
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
  const double fewest = 300.0 * intervals;
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
    const double bound = free_bound(distribution, used_levels(objective), effort);
    found.gap = std::clamp(bound - found.fit.rho, 0.0, found.gap);
  }
  return found;
}

Codebook codebook_of(const Distribution& distribution, const TensorSettings& settings,
                     const SearchResult& found) {
  if (distribution.count() == 0) return empty_codebook(settings.bits);
  return rescaled_codebook(distribution, settings, fit_mirrored(distribution, settings, found));
}

Codebook fit_codebook(const Distribution& distribution, const TensorSettings& settings,
                      SearchEffort effort, const Codebook* guess) {
  return fit_codebook(distribution, settings, zero_form(distribution, settings), effort, guess);
}

Codebook fit_codebook(const Distribution& distribution, const TensorSettings& settings,
                      ZeroForm form, SearchEffort effort, const Codebook* guess) {
  if (distribution.count() == 0) return empty_codebook(settings.bits);
  if (settings.coding == Coding::kEntropy) {
    return rescaled_codebook(distribution, settings,
                             fit_stepped(distribution, settings, form != ZeroForm::kNone));
  }
  if (form != ZeroForm::kNone) return fit_with_zeros(distribution, settings, form, effort);
  const Family& family = find_family(settings.mode);
  if (family.fit != nullptr) {
    return rescaled_codebook(distribution, settings, family.fit(distribution, settings));
  }
  SearchResult found = find_partition(distribution, settings, effort);
  if (guess != nullptr) prefer_guess(distribution, settings, *guess, found);
  return codebook_of(distribution, settings, found);
}

Codebook fit_codebook(std::span<const float> weights, const TensorSettings& settings) {
  const FloatEnvironment environment;
  check(settings);
  KeyTable table;
  Distribution distribution = distribution_of(weights, table);
  if (settings.search == SearchRule::kExact) {
    return fit_exactly({weights.data(), weights.size()}, settings, SearchEffort(), distribution);
  }
  return fit_codebook(distribution, settings, SearchEffort());
}

}  // namespace wquant
