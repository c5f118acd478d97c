#include "wquant/codebook.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace wquant {
namespace {

constexpr std::size_t kSamples = 1'000'000;

/// The same numbers on every machine: std distributions are not.
std::vector<float> gaussians() {
  std::mt19937_64 random(1);
  std::vector<float> out(kSamples);
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };
  for (std::size_t i = 0; i < out.size(); i += 2) {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    const double angle = 2 * std::acos(-1.0) * uniform();
    out[i] = static_cast<float>(radius * std::cos(angle));
    out[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return out;
}

std::vector<float> laplacians() {
  std::mt19937_64 random(2);
  std::vector<float> out(kSamples);
  for (float& w : out) {
    const double u = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53 - 0.5;
    // Unit variance: scale 1 / sqrt(2).
    w = static_cast<float>(std::copysign(std::log1p(-2 * std::fabs(u)) / std::sqrt(2.0), u));
  }
  return out;
}

/// Optimum correlations of unit-variance densities for 1..6 bits, from numerical integration.
struct Golden {
  const char* name;
  std::vector<float> (*weights)();
  const char* mode;
  Values values;
  double rho[6];
};

class GoldenTable : public testing::TestWithParam<Golden> {};

TEST_P(GoldenTable, LossAgreesWithTheDensityWithinThreePercent) {
  const Golden& golden = GetParam();
  const std::vector<float> weights = golden.weights();
  for (int bits = 1; bits <= 6; ++bits) {
    TensorSettings settings;
    settings.bits = bits;
    settings.mode = golden.mode;
    settings.values = golden.values;
    const Codebook book = fit_codebook(weights, settings);
    const double expected = 1 - golden.rho[bits - 1];
    EXPECT_NEAR((1 - book.rho) / expected, 1, 0.03) << bits << " bits";
    EXPECT_LE(book.gap, golden.values == Values::kCentroid ? 2e-4 : 2e-3) << bits << " bits";
  }
}

/// Optimal x0 / sigma of linear midpoint for 2..6 bits and optimal r of exp for 3..6 bits.
struct Optimum {
  std::vector<float> (*weights)();
  double steps[5];
  double ratios[4];
};

TEST(Optimum, StepAndRatioAgreeWithTheDensityWithinFivePercent) {
  const Optimum optima[] = {
      {gaussians, {.996, .586, .335, .188, .104}, {1.18, 1.12, 1.08, 1.04}},
      {laplacians, {1.087, .731, .461, .280, .166}, {1.45, 1.25, 1.14, 1.08}},
  };
  for (const Optimum& optimum : optima) {
    const std::vector<float> weights = optimum.weights();
    TensorSettings settings;
    for (settings.bits = 2; settings.bits <= 6; ++settings.bits) {
      const auto i = static_cast<std::size_t>(settings.bits - 2);
      settings.mode = "linear";
      settings.values = Values::kMidpoint;
      EXPECT_NEAR(fit_codebook(weights, settings).x0 / optimum.steps[i], 1, 0.05) << settings.bits;
      if (settings.bits == 2) continue;
      settings.mode = "exp";
      settings.values = Values::kCentroid;
      EXPECT_NEAR(fit_codebook(weights, settings).ratio / optimum.ratios[i - 1], 1, 0.05)
          << settings.bits;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Densities, GoldenTable,
                         testing::Values(Golden{"GaussLinearMidpoint",
                                                gaussians,
                                                "linear",
                                                Values::kMidpoint,
                                                {.79788, .93870, .98110, .99421, .99825, .99948}},
                                         Golden{"GaussLinearCentroid",
                                                gaussians,
                                                "linear",
                                                Values::kCentroid,
                                                {.79788, .93942, .98193, .99459, .99838, .99952}},
                                         Golden{"GaussExp",
                                                gaussians,
                                                "exp",
                                                Values::kCentroid,
                                                {.79788, .93942, .98253, .99514, .99867, .99964}},
                                         Golden{"LaplaceLinearMidpoint",
                                                laplacians,
                                                "linear",
                                                Values::kMidpoint,
                                                {.70711, .89649, .96346, .98724, .99563, .99854}},
                                         Golden{"LaplaceLinearCentroid",
                                                laplacians,
                                                "linear",
                                                Values::kCentroid,
                                                {.70711, .90764, .96821, .98894, .99620, .99872}},
                                         Golden{"LaplaceExp",
                                                laplacians,
                                                "exp",
                                                Values::kCentroid,
                                                {.70711, .90764, .97231, .99211, .99782, .99940}}),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace wquant
