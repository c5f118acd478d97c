#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "unit/layers.h"
#include "unit/quantized.h"
#include "wquant/codebook.h"

namespace wquant {
namespace {

using namespace testing_layers;

double variance(const std::vector<double>& values) {
  double mean = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  double sum = 0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return sum / static_cast<double>(values.size());
}

TensorSettings settings_of(const char* mode, int bits, Rescale rescale, Values values) {
  TensorSettings settings;
  settings.mode = mode;
  settings.bits = bits;
  settings.rescale = rescale;
  settings.values = values;
  return settings;
}

TEST(Rescale, VarianceIsKeptAndCorrelationDoesNotChange) {
  std::mt19937_64 random(3);
  for (const Shape shape : kShapes) {
    for (int bits = 1; bits <= 8; ++bits) {
      for (const char* mode : {"linear", "exp"}) {
        const std::vector<float> layer = make_layer(shape, 500, random);
        const Codebook plain =
            fit_codebook(layer, settings_of(mode, bits, Rescale::kNone, Values::kCentroid));
        const Codebook scaled =
            fit_codebook(layer, settings_of(mode, bits, Rescale::kVariance, Values::kCentroid));
        const std::vector<double> q = quantized(layer, scaled);
        const double rho = correlation(layer, q);
        EXPECT_NEAR(rho, correlation(layer, quantized(layer, plain)), 1e-6);
        if (rho == 0) continue;  // One level for all: there is no variance to match.
        EXPECT_NEAR(rho, scaled.rho, 1e-6) << mode << bits << " shape " << static_cast<int>(shape);
        // Levels are float32: about a mean of 20 sigma their rounding alone is 20 times 6e-8.
        const double tolerance = shape == Shape::kCluster ? 4e-6 : 1e-6;
        EXPECT_NEAR(variance(q) / variance({layer.begin(), layer.end()}), 1, tolerance)
            << mode << bits << " shape " << static_cast<int>(shape);
      }
    }
  }
}

TEST(Rescale, LeastSquaresFactorOfCentroidsIsOneAndLowersTheErrorOfMidpoints) {
  std::mt19937_64 random(4);
  const std::vector<float> layer = make_layer(Shape::kHeavyTail, 2000, random);
  EXPECT_NEAR(fit_codebook(layer, settings_of("exp", 3, Rescale::kMse, Values::kCentroid)).scale, 1,
              1e-9);
  const auto error = [&](Rescale rescale) {
    const std::vector<double> q =
        quantized(layer, fit_codebook(layer, settings_of("linear", 3, rescale, Values::kMidpoint)));
    double sum = 0;
    for (std::size_t i = 0; i < q.size(); ++i) sum += std::pow(q[i] - double{layer[i]}, 2);
    return sum;
  };
  EXPECT_LT(error(Rescale::kMse), error(Rescale::kNone));
  EXPECT_LT(error(Rescale::kMse), error(Rescale::kVariance));
}

struct Degenerate {
  const char* name;
  std::vector<float> layer;
  bool lossless;  // At 4 bits.
};

class DegenerateLayer : public testing::TestWithParam<Degenerate> {};

TEST_P(DegenerateLayer, GivesFiniteAscendingLevelsInEveryMode) {
  const std::vector<float>& layer = GetParam().layer;
  for (int bits = 1; bits <= 8; ++bits) {
    for (const char* mode : {"linear", "exp"}) {
      for (const Values values : {Values::kCentroid, Values::kMidpoint}) {
        for (const Rescale rescale : {Rescale::kVariance, Rescale::kMse, Rescale::kNone}) {
          const Codebook book = fit_codebook(layer, settings_of(mode, bits, rescale, values));
          ASSERT_EQ(book.levels.size(), std::size_t{1} << bits);
          for (std::size_t i = 0; i < book.levels.size(); ++i) {
            ASSERT_TRUE(std::isfinite(book.levels[i])) << mode << bits;
            ASSERT_LE(book.levels[i > 0 ? i - 1 : 0], book.levels[i]) << mode << bits;
          }
          ASSERT_TRUE(book.rho >= 0 && book.rho <= 1) << book.rho;
          ASSERT_TRUE(book.gap >= 0 && book.gap <= 1) << book.gap;
          ASSERT_TRUE(std::isfinite(book.x0) && std::isfinite(book.ratio));
          quantized(layer, book);
        }
      }
    }
  }
}

TEST_P(DegenerateLayer, IsLosslessWhereItsMagnitudesFitTheLevels) {
  if (!GetParam().lossless) return;
  const std::vector<float>& layer = GetParam().layer;
  const Codebook book =
      fit_codebook(layer, settings_of("exp", 4, Rescale::kVariance, Values::kCentroid));
  const std::vector<double> q = quantized(layer, book);
  for (std::size_t i = 0; i < layer.size(); ++i) {
    EXPECT_NEAR(q[i], double{layer[i]}, 1e-6 * std::fabs(double{layer[i]}));
  }
}

const float kTiny = std::numeric_limits<float>::denorm_min();
const float kHuge = std::numeric_limits<float>::max();

INSTANTIATE_TEST_SUITE_P(
    Shapes, DegenerateLayer,
    testing::Values(Degenerate{"Empty", {}, true}, Degenerate{"OneValue", {0.3F}, true},
                    Degenerate{"AllEqual", std::vector<float>(100, -0.7F), true},
                    Degenerate{"AllZero", std::vector<float>(9, 0.0F), true},
                    Degenerate{"NegativeZeros", {-0.0F, 0.0F, -0.0F}, true},
                    Degenerate{"PlusMinus", {1.5F, -1.5F, 1.5F, -1.5F}, true},
                    Degenerate{"TwoMagnitudes", {1, -2, 1, 2, -1}, true},
                    Degenerate{"ThreeMagnitudes", {1, 2, 3, -1, -3}, true},
                    Degenerate{"ZeroAndOne", {0, 1, 0, 0, 1}, true},
                    Degenerate{"ConstantSign", {1, 1.01F, 1.02F, 0.99F, 1.5F}, false},
                    Degenerate{"Denormals", {kTiny, -2 * kTiny, 3 * kTiny, -7 * kTiny}, false},
                    Degenerate{"OneDenormal", {kTiny, kTiny}, true},
                    Degenerate{"Huge", {kHuge, -kHuge, kHuge / 2, kHuge / 3}, false},
                    Degenerate{"HugeAndTiny", {kHuge, -kTiny, 1e-20F, 1, -1e20F}, false},
                    Degenerate{"LargeConstant", std::vector<float>(50'000, 0.3F), true},
                    Degenerate{"LargeZero", std::vector<float>(50'000, 0.0F), true}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace wquant
