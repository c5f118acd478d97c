#include "quant/error_sums.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "wquant/report.h"

namespace wquant {
namespace {

constexpr std::size_t kWeights = 5000;  // Several steps, of which float sums tell most.

ErrorSums sums_of(const std::vector<float>& w, const std::vector<float>& q, float pivot = 0) {
  ErrorSums sums;
  sums.add({w.data(), w.size()}, q.data(), pivot);
  return sums;
}

TensorReport filled(const ErrorSums& sums, double f) {
  TensorReport report;
  sums.fill(report, f);
  return report;
}

/// Sums by their definitions, in long double and in two passes.
struct Expected {
  long double ww = 0, qq = 0, wq = 0;
  double rho = 0, relative_error = 0;

  Expected(const std::vector<float>& w, const std::vector<float>& q, double f) {
    const long double n = static_cast<long double>(w.size());
    long double mean_w = 0, mean_q = 0, squares = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      mean_w += static_cast<long double>(w[i]) / n;
      mean_q += static_cast<long double>(q[i]) / n;
    }
    for (std::size_t i = 0; i < w.size(); ++i) {
      const long double before = w[i], after = q[i];
      ww += (before - mean_w) * (before - mean_w);
      qq += (after - mean_q) * (after - mean_q);
      wq += (before - mean_w) * (after - mean_q);
      squares += (before - f * after) * (before - f * after);
    }
    rho = static_cast<double>(wq / std::sqrt(ww) / std::sqrt(qq));
    relative_error = static_cast<double>(squares / ww);
  }

  [[nodiscard]] double factor() const { return static_cast<double>(std::sqrt(ww / qq)); }
};

/// Of two that each differ from the rest at one place, another one: r = -1 / (n - 1), at the same
/// place 1, of both signs.
TEST(ErrorSums, TellTheCorrelationOfWhatIsFarSmaller) {
  for (const float sign : {1.0F, -1.0F}) {
    for (const std::size_t place : {1U, 3U, 2000U}) {
      std::vector<float> w(kWeights), q(kWeights);
      w[1] = 1.6e30F;
      q[place] = sign * 4e-17F;
      const double expected = place == 1 ? 1 : -1 / static_cast<double>(kWeights - 1);
      EXPECT_NEAR(filled(sums_of(w, q), 1).codebook.rho, sign * expected, 1e-12) << place;
    }
  }
}

/// What became of all but one weight is next to them, but the variance is that of the one.
TEST(ErrorSums, TellTheCorrelationWhereOneLostWeightHoldsTheVariance) {
  for (const float lost : {1e4F, 1e6F, 1e9F}) {
    std::vector<float> w(kWeights), q(kWeights);
    for (std::size_t i = 0; i < kWeights; ++i) {
      w[i] = std::sin(static_cast<float>(i * i));
      q[i] = w[i] > 0 ? 0.7F : -0.7F;
    }
    w[7] = lost;
    EXPECT_NEAR(filled(sums_of(w, q), 1).codebook.rho, Expected(w, q, 1).rho, 1e-9) << lost;
  }
}

/// All errors are about the same and so are all weights: of both little is left about their means.
TEST(ErrorSums, TellTheCorrelationOfWhatIsNextToAlike) {
  std::vector<float> w(32, -1.049F), q(32, -0.1842F);
  w[16] = -1.24F;
  for (std::size_t i = 15; i < 20; ++i) q[i] = -0.1907F;
  EXPECT_NEAR(filled(sums_of(w, q, w[0]), 1).codebook.rho, Expected(w, q, 1).rho, 1e-9);
}

TEST(ErrorSums, OneValueForAllHasNoCorrelation) {
  std::vector<float> w(kWeights);
  for (std::size_t i = 0; i < kWeights; ++i) w[i] = static_cast<float>(i) * 1e20F;
  EXPECT_EQ(filled(sums_of(w, std::vector<float>(kWeights, 0.1F)), 1).codebook.rho, 0);
}

/// A factor that restored the variance would be beyond what float32 levels hold.
TEST(ErrorSums, WhatIsFarSmallerIsNotRescaled) {
  std::vector<float> w(kWeights), q(kWeights);
  w[1] = 1.6e30F;
  q[1] = 4e-17F;
  const ErrorSums sums = sums_of(w, q);
  EXPECT_EQ(sums.factor(Rescale::kVariance), 1);
  EXPECT_EQ(sums.factor(Rescale::kMse), 1);
}

/// Weights and what became of them, of many kinds that sums are hard on: means far from zero, few
/// that are far larger, one that differs, many zeros; q in proportion, next to w, far smaller, of
/// two values, clipped.
class HardPairs {
 public:
  std::vector<float> w, q;
  float pivot = 0;

  explicit HardPairs(std::mt19937_64& random) : random_(random) {
    const std::size_t n = below(4) == 0 ? 1 + below(3000) : 2 + below(60);
    const double base = power(-6, 6);
    const double mean = below(2) == 0 ? 0 : base * power(-3, 3);
    const std::size_t kind = below(5);
    const double few = power(-3, 5);
    const double scale = base * (below(2) == 0 ? 1 : power(-4, 0));
    const std::size_t to = below(5);
    for (std::size_t i = 0; i < n; ++i) {
      const double normal = std::normal_distribution<double>()(random_);
      const std::vector<double> deviations = {
          normal, i == n / 2 ? 1.0 : 0.0, below(10) == 0 ? few * normal : normal,
          below(2) == 0 ? 1.0 : -1.0, below(3) == 0 ? normal : 0.0};
      w.push_back(static_cast<float>(mean + base * deviations[kind]));
      const double before = w[i];
      const std::size_t row = i * 4 / n;
      const double cell = scale * (1 + 0.01 * static_cast<double>(row));
      const std::vector<double> became = {std::round(before / cell * 8) / 8 * cell,
                                          before > mean ? cell : -cell, before > mean ? cell : 0.0,
                                          before * scale / base * (1 + 1e-7 * normal),
                                          std::min(std::max(before, -cell), cell)};
      q.push_back(static_cast<float>(became[to]));
    }
    if (below(8) != 0) pivot = w[0];
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  double power(double low, double high) {
    return std::pow(10.0, std::uniform_real_distribution<double>(low, high)(random_));
  }
  std::mt19937_64& random_;
};

TEST(ErrorSums, FiguresAreThoseOfTheirDefinitionsForHardPairs) {
  std::mt19937_64 random(7);
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    const HardPairs pair(random);
    const ErrorSums sums = sums_of(pair.w, pair.q, pair.pivot);
    const double f = sums.factor(i % 2 == 0 ? Rescale::kVariance : Rescale::kNone);
    const Expected expected(pair.w, pair.q, f);
    if (!(expected.ww > 0 && expected.qq > 0)) continue;
    const TensorReport report = filled(sums, f);
    ASSERT_NEAR(report.codebook.rho, expected.rho, 1e-4 * (1 - expected.rho) + 1e-9) << i;
    ASSERT_NEAR(report.relative_error, expected.relative_error,
                1e-4 * expected.relative_error + 1e-9)
        << i;
    if (f != 1) {
      ASSERT_NEAR(f, expected.factor(), 1e-5 * f) << i;
    }
    ++compared;
  }
  EXPECT_GT(compared, 15000);
}

}  // namespace
}  // namespace wquant
