#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "unit/layers.h"
#include "wquant/codebook.h"

namespace wquant {
namespace {

using namespace testing_layers;

/// Boundaries b_1..b_K of widths x0 r^k, straight from the definition.
std::vector<double> boundaries(double x0, double r, int intervals) {
  std::vector<double> b;
  b.reserve(static_cast<std::size_t>(intervals));
  double sum = 0;
  for (int k = 0; k < intervals; ++k) b.push_back(sum += x0 * std::pow(r, k));
  return b;
}

/// The correlation of a layer quantized by the definition, weight by weight.
double reference_rho(const std::vector<float>& layer, double x0, double r, int intervals,
                     Values values) {
  const std::vector<double> b = boundaries(x0, r, intervals);
  const auto interval = [&](float w) {
    const auto end = b.end() - 1;  // The last interval is open.
    return static_cast<std::size_t>(std::upper_bound(b.begin(), end, std::fabs(double{w})) -
                                    b.begin());
  };
  std::vector<double> sum(b.size());
  std::vector<double> count(b.size());
  for (const float w : layer) {
    sum[interval(w)] += std::fabs(double{w});
    count[interval(w)] += 1;
  }
  std::vector<double> quantized;
  for (const float w : layer) {
    const std::size_t k = interval(w);
    const double middle = ((k == 0 ? 0 : b[k - 1]) + b[k]) / 2;
    const double v = values == Values::kMidpoint ? middle : sum[k] / count[k];
    quantized.push_back(w < 0 ? -v : v);
  }
  return correlation(layer, quantized);
}

/// Every x0 at which a weight meets a boundary, and one between each two.
std::vector<double> breakpoints(const std::vector<float>& layer, double r, int intervals) {
  std::vector<double> points;
  const std::vector<double> unit = boundaries(1, r, intervals);
  for (const float w : layer) {
    for (int k = 0; k + 1 < intervals; ++k) {
      points.push_back(std::fabs(double{w}) / unit[static_cast<std::size_t>(k)]);
    }
  }
  std::sort(points.begin(), points.end());
  std::vector<double> candidates;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const double middle = (points[i] + points[i + 1]) / 2;
    if (middle > 0) candidates.push_back(middle);
  }
  if (!points.empty()) candidates.push_back(points.back() * 1.01 + 1e-30);
  return candidates;
}

double best_over_x0(const std::vector<float>& layer, double r, int intervals, Values values) {
  double best = 0;
  for (const double x0 : breakpoints(layer, r, intervals)) {
    best = std::max(best, reference_rho(layer, x0, r, intervals, values));
  }
  return best;
}

struct Case {
  const char* mode;
  Values values;
  RatioRule rule;
  std::vector<double> ratios;  // That the reference tries.
  int layers;                  // Of every shape.
};

const Case kCases[] = {
    {"linear", Values::kCentroid, RatioRule::kAuto, {1}, 100},
    {"linear", Values::kMidpoint, RatioRule::kAuto, {1}, 100},
    {"exp", Values::kCentroid, RatioRule::kFixed, {2}, 100},
    {"exp", Values::kMidpoint, RatioRule::kFixed, {1.5}, 50},
    {"exp", Values::kCentroid, RatioRule::kAuto, {1, 1.1, 1.2, 1.35, 1.5, 1.8, 2.2, 3, 4}, 40},
    {"exp", Values::kMidpoint, RatioRule::kAuto, {1, 1.1, 1.2, 1.35, 1.5, 1.8, 2.2, 3, 4}, 20},
};

TEST(BruteForce, NeverBeatsTheSearchByMoreThanItsGap) {
  std::mt19937_64 random(7);
  double largest_gap = 0;
  int compared = 0;
  for (const Case& test : kCases) {
    for (const Shape shape : kShapes) {
      for (int i = 0; i < test.layers; ++i) {
        const std::vector<float> layer = make_layer(shape, 2 + random() % 40, random);
        TensorSettings settings;
        settings.zero = Zero::kOff;
        settings.bits = 2 + static_cast<int>(random() % 3);
        settings.mode = test.mode;
        settings.values = test.values;
        settings.ratio_rule = test.rule;
        settings.ratio = test.rule == RatioRule::kFixed ? test.ratios[0] : 0;
        const Codebook book = fit_codebook(layer, settings);
        double best = 0;
        for (const double r : test.ratios) {
          best = std::max(best, best_over_x0(layer, r, 1 << (settings.bits - 1), test.values));
        }
        ASSERT_LE(best, book.rho + book.gap + 1e-9)
            << test.mode << " bits " << settings.bits << " shape " << static_cast<int>(shape)
            << " layer " << i << " size " << layer.size() << " rho " << book.rho << " gap "
            << book.gap << " midpoint " << (test.values == Values::kMidpoint) << " x0 " << book.x0
            << " r " << book.ratio;
        EXPECT_GE(book.rho, best - 0.02) << test.mode << " shape " << static_cast<int>(shape);
        largest_gap = std::max(largest_gap, book.gap);
        ++compared;
      }
    }
  }
  RecordProperty("compared", compared);
  RecordProperty("largest_gap", std::to_string(largest_gap));
  EXPECT_GT(compared, 3000);
}

}  // namespace
}  // namespace wquant
