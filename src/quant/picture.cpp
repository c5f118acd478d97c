#include "quant/picture.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/family.h"
#include "quant/histogram.h"
#include "quant/objective.h"
#include "quant/zero_level.h"

namespace wquant {
namespace {

constexpr double kFewestBins = 20, kMostBins = 160;
/// Share of the weights that may lie beyond either end of the range.
constexpr double kBeyond = 0.0005;
/// The outermost levels make the range at most so many times as wide.
constexpr double kLevelsReach = 1.5;
constexpr int kCurvePoints = 64;
/// The curve goes so many times as far as the optimum.
constexpr double kCurveReach = 3;

struct Range {
  double low, high;
};

/// Between the weights that leave a small share of them beyond.
Range range_of(const std::vector<Stretch>& weights, double count) {
  const double most = kBeyond * count;
  double beyond = 0;
  auto first = weights.begin();
  while (beyond + first->count <= most) beyond += (first++)->count;
  beyond = 0;
  auto last = weights.end() - 1;
  while (beyond + last->count <= most) beyond += (last--)->count;
  return {first->low, last->high};
}

/// Around the levels too, as far as they do not make the weights too small to see.
Range with_levels(Range range, const std::vector<float>& levels) {
  if (levels.empty()) return range;
  const double reach = (kLevelsReach - 1) * (range.high - range.low);
  return {std::clamp(double{levels.front()}, range.low - reach, range.low),
          std::clamp(double{levels.back()}, range.high, range.high + reach)};
}

/// Symmetric where it nearly is, with some room at its ends, and never empty.
Range rounded(Range range) {
  const double far = std::max(-range.low, range.high);
  const double near = std::min(-range.low, range.high);
  if (near > 0.5 * far) range = {-far, far};
  double room = 0.02 * (range.high - range.low);
  if (room <= 0) room = far != 0 ? 0.1 * std::fabs(far) : 1;
  return {range.low - room, range.high + room};
}

/// The more weights, the narrower; an odd number has a bin around 0 where the range is symmetric.
std::size_t bins_for(double count) {
  return static_cast<std::size_t>(std::clamp(std::sqrt(count), kFewestBins, kMostBins)) | 1U;
}

/// Ascending values, each once, without infinities.
std::vector<float> distinct(std::vector<float> values) {
  std::erase_if(values, [](float value) { return !std::isfinite(value); });
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

/// Whether the levels follow from x0 and the ratio alone.
bool has_curve(const Distribution& weights, const Codebook& codebook,
               const TensorSettings& settings) {
  return settings.coding == Coding::kFixed && settings.bits > 1 && codebook.x0 > 0 &&
         find_family(settings.mode).space != nullptr && !weights.one_magnitude() &&
         zero_form(weights, settings) == ZeroForm::kNone;
}

std::vector<CurvePoint> curve_of(const Distribution& weights, const Codebook& codebook,
                                 const TensorSettings& settings) {
  const SearchSpace space = find_family(settings.mode).space(weights, settings);
  const double end = std::max(std::min(kCurveReach * codebook.x0, space.x_high), codebook.x0);
  std::vector<double> places = {codebook.x0};
  for (int i = 1; i <= kCurvePoints; ++i) places.push_back(end * i / kCurvePoints);
  std::ranges::sort(places);
  places.erase(std::unique(places.begin(), places.end()), places.end());
  Objective objective(weights, settings.bits, settings.values);
  std::vector<CurvePoint> curve;
  for (const double x0 : places) {
    const bool is_own = x0 == codebook.x0 || !space.ratio_of_x0;
    const double r = is_own ? codebook.ratio : space.ratio_of_x0(x0);
    curve.push_back({x0, objective.evaluate(x0, r).rho});
  }
  return curve;
}

}  // namespace

TensorPicture picture_of(const Distribution& weights, const Codebook& codebook) {
  TensorPicture picture;
  picture.levels = distinct(codebook.levels);
  picture.thresholds = distinct(codebook.thresholds);
  const std::vector<Stretch> stretches = stretches_of(weights);
  if (stretches.empty()) return picture;
  const Range range = rounded(with_levels(range_of(stretches, weights.count()), picture.levels));
  picture.weights = histogram_of(stretches, range.low, range.high, bins_for(weights.count()));
  return picture;
}

TensorPicture picture_of(const Distribution& weights, const Codebook& codebook,
                         const TensorSettings& settings) {
  TensorPicture picture = picture_of(weights, codebook);
  if (has_curve(weights, codebook, settings)) picture.curve = curve_of(weights, codebook, settings);
  return picture;
}

}  // namespace wquant
