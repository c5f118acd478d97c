#include "quant/zero_level.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "coding/frequencies.h"
#include "coding/zero_mask.h"
#include "quant/code_statistics.h"
#include "quant/free_bound.h"

namespace wquant {
namespace {

/// Share of zeros from which their level is worth the one that it costs.
constexpr double kManyZeros = 0.125;
/// Look-ups that the bound may take.
constexpr double kBoundEffort = 4e5;

std::vector<double> with_zeros_moved(const LevelFit& found) {
  std::vector<double> levels = found.levels;
  levels[code_of_zero(found)] = 0;
  return levels;
}

/// Squared error that it costs to join two levels.
double cost_of_joining(const CodeShare& a, const CodeShare& b, double distance) {
  const double both = a.count + b.count;
  return both > 0 ? a.count * b.count / both * distance * distance : 0;
}

/// The level before the one that it is joined to at the least cost; of equal costs the last.
std::size_t cheapest_pair(const std::vector<double>& levels, const std::vector<CodeShare>& shares) {
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
    const double cost = cost_of_joining(shares[i], shares[i + 1], levels[i + 1] - levels[i]);
    if (cost > least) continue;
    least = cost;
    best = i;
  }
  return best;
}

std::vector<double> with_two_joined(const Distribution& distribution, const LevelFit& found) {
  std::vector<double> levels = found.levels;
  const std::vector<CodeShare> shares = code_shares(distribution.without_zeros(), found.thresholds);
  const std::size_t i = cheapest_pair(levels, shares);
  const double count = shares[i].count + shares[i + 1].count;
  const double sum = shares[i].count * levels[i] + shares[i + 1].count * levels[i + 1];
  levels[i] = count > 0 ? sum / count : levels[i];
  levels.erase(levels.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  levels.insert(std::ranges::lower_bound(levels, 0.0), 0);
  return levels;
}

/// Whether levels of the family get one for zeros.
bool takes_level(const TensorSettings& settings) {
  if (settings.coding == Coding::kEntropy) return true;
  // One bit has no level to spare.
  return find_family(settings.mode).info.takes_zero && settings.bits > 1 &&
         settings.search != SearchRule::kExact;
}

/// One bit with a mask would be more than one bit.
bool takes_mask(const PlannedTensor& planned) {
  const TensorSettings& settings = planned.settings;
  return planned.takes_mask && settings.coding == Coding::kFixed && settings.bits > 1 &&
         settings.search != SearchRule::kExact;
}

/// Bytes of a mask and so many codes.
std::uint64_t masked_size(const PlannedTensor& planned, std::uint64_t codes) {
  return mask_bytes(planned.info.count()) + packed_size(codes, planned.settings.bits);
}

/// The gap to the bound of all codebooks of as many levels.
void bound_gap(const Distribution& distribution, LevelFit& found) {
  const double bound = free_bound(distribution, found.levels.size(), kBoundEffort);
  found.gap = std::max(0.0, bound - found.fit.rho);
}

}  // namespace

std::size_t code_of_zero(const LevelFit& found) {
  const auto above = std::ranges::upper_bound(found.thresholds, 0.0F);
  return static_cast<std::size_t>(above - found.thresholds.begin());
}

bool keeps_zeros(double zeros, double count, const TensorSettings& settings) {
  if (settings.zero == Zero::kOff || zeros == 0) return false;
  return settings.zero == Zero::kKeep || zeros >= kManyZeros * count;
}

bool keeps_zeros(const Distribution& distribution, const TensorSettings& settings) {
  return keeps_zeros(distribution.zeros(), distribution.count(), settings);
}

bool has_zero(const Codebook& codebook) {
  return codebook.masked_code || std::ranges::find(codebook.levels, 0.0F) != codebook.levels.end();
}

ZeroForm zero_form(const Distribution& distribution, const TensorSettings& settings) {
  const bool keeps = distribution.variance() > 0 && keeps_zeros(distribution, settings);
  return keeps && takes_level(settings) ? ZeroForm::kLevel : ZeroForm::kNone;
}

ZeroForm zero_form(double zeros, const PlannedTensor& planned) {
  const TensorSettings& settings = planned.settings;
  if (!keeps_zeros(zeros, static_cast<double>(planned.info.count()), settings)) {
    return ZeroForm::kNone;
  }
  if (takes_mask(planned)) {
    const auto others = planned.info.count() - static_cast<std::uint64_t>(zeros);
    const std::uint64_t size = masked_size(planned, others);
    if (size < part_size(planned, Part::kCodes)) return ZeroForm::kMask;
  }
  return takes_level(settings) ? ZeroForm::kLevel : ZeroForm::kNone;
}

ZeroForm zero_form(const Distribution& distribution, const PlannedTensor& planned) {
  return distribution.variance() > 0 ? zero_form(distribution.zeros(), planned) : ZeroForm::kNone;
}

LevelFit with_zero_level(const Distribution& distribution, const LevelFit& found,
                         const LevelFit& others) {
  LevelFit best = fit_nearest(distribution, with_zeros_moved(found));
  LevelFit joined = fit_nearest(distribution, with_two_joined(distribution, others));
  if (joined.fit.rho > best.fit.rho) best = std::move(joined);
  best.x0 = found.x0;
  best.r = found.r;
  bound_gap(distribution, best);
  return best;
}

LevelFit with_masked_zeros(const Distribution& distribution, const LevelFit& others) {
  std::vector<double> levels = others.levels;
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  const auto zero = std::ranges::lower_bound(levels, 0.0);
  if (zero == levels.end() || *zero != 0) levels.insert(zero, 0);
  if (levels.size() > kMostLevels) levels = with_two_joined(distribution, others);
  LevelFit found = fit_nearest(distribution, std::move(levels));
  found.x0 = others.x0;
  found.r = others.r;
  bound_gap(distribution, found);
  return found;
}

std::vector<float> levels_to_store(const Codebook& codebook, int bits) {
  std::vector<float> levels = codebook.levels;
  if (!codebook.masked_code) return levels;
  levels.erase(levels.begin() + *codebook.masked_code);
  levels.resize(std::size_t{1} << bits, levels.back());
  return levels;
}

std::uint64_t stored_size(const PlannedTensor& planned, const Distribution& distribution,
                          const Codebook& codebook) {
  if (!codebook.masked_code) return stored_size(planned);
  const double zeros = code_shares(distribution, codebook.thresholds)[*codebook.masked_code].count /
                       distribution.count();
  const auto codes = static_cast<std::uint64_t>(
      std::ceil((1 - zeros) * static_cast<double>(planned.info.count())));
  return stored_size(planned) - part_size(planned, Part::kCodes) + masked_size(planned, codes);
}

}  // namespace wquant
