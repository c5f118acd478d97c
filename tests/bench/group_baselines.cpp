#include "bench/group_baselines.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

namespace wquant::bench {
namespace {

/// The x below which a normally distributed number lies with probability p.
double normal_quantile(double p) {
  double low = -10;
  double high = 10;
  for (int step = 0; step < 100; ++step) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

double nearest(const UnitLevels& levels, double w) {
  const auto above = std::ranges::lower_bound(levels, w);
  if (above == levels.begin()) return *above;
  if (above == levels.end()) return levels.back();
  return w - *(above - 1) < *above - w ? *(above - 1) : *above;
}

float half_of(float scale) { return static_cast<float>(Eigen::half(scale)); }

}  // namespace

UnitLevels integer_levels(int bits) {
  const int most = (1 << (bits - 1)) - 1;
  UnitLevels levels;
  for (int i = -most; i <= most; ++i) levels.push_back(static_cast<double>(i) / most);
  return levels;
}

UnitLevels normal_levels(int bits) {
  const int half = 1 << (bits - 1);
  // The outermost quantile: the middle of what halves of `half` and of `half` - 1 levels ask for.
  const double outermost = 1 - 0.25 * (1.0 / half + 1.0 / (half - 0.5)) / 2;
  const auto quantile = [&](int i, int steps) {
    return normal_quantile(0.5 + (outermost - 0.5) * i / steps);
  };
  UnitLevels levels = {0};
  for (int i = 1; i <= half; ++i) levels.push_back(quantile(i, half));
  for (int i = 1; i < half; ++i) levels.push_back(-quantile(i, half - 1));
  for (double& level : levels) level /= normal_quantile(outermost);
  std::ranges::sort(levels);
  return levels;
}

std::vector<float> quantize_groups(std::span<const float> weights, std::size_t group,
                                   const UnitLevels& levels) {
  std::vector<float> out;
  out.reserve(weights.size());
  for (std::size_t first = 0; first < weights.size(); first += group) {
    const auto part = weights.subspan(first, std::min(group, weights.size() - first));
    float largest = 0;
    for (const float w : part) largest = std::max(largest, std::fabs(w));
    const double scale = half_of(largest);
    for (const float w : part) {
      out.push_back(scale > 0 ? static_cast<float>(scale * nearest(levels, w / scale)) : 0);
    }
  }
  return out;
}

double correlation(std::span<const float> weights, std::span<const float> others) {
  const auto n = static_cast<double>(weights.size());
  double w = 0, q = 0, ww = 0, qq = 0, wq = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double a = weights[i];
    const double b = others[i];
    w += a;
    q += b;
    ww += a * a;
    qq += b * b;
    wq += a * b;
  }
  const double spread = (ww - w * w / n) * (qq - q * q / n);
  return spread > 0 ? (wq - w * q / n) / std::sqrt(spread) : 1;
}

}  // namespace wquant::bench
