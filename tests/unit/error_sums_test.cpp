#include "quant/error_sums.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "wquant/report.h"

namespace wquant {
namespace {

constexpr std::size_t kWeights = 5000;  // Several steps, of which float sums tell most.

TensorReport filled(const std::vector<float>& w, const std::vector<float>& q, float pivot = 0) {
  ErrorSums sums;
  sums.add({w.data(), w.size()}, q.data(), pivot);
  TensorReport report;
  sums.fill(report, sums.factor(Rescale::kVariance, pivot), pivot);
  return report;
}

/// Of two that each differ from the rest at one place, another one: r = -1 / (n - 1), at the same
/// place 1, of both signs.
TEST(ErrorSums, TellTheCorrelationOfWhatIsFarSmaller) {
  for (const float sign : {1.0F, -1.0F}) {
    for (const std::size_t place : {1U, 3U, 2000U}) {
      std::vector<float> w(kWeights), q(kWeights);
      w[1] = 1.6e30F;
      q[place] = sign * 4e-17F;
      const double expected = place == 1 ? 1 : -1 / static_cast<double>(kWeights - 1);
      EXPECT_NEAR(filled(w, q).codebook.rho, sign * expected, 1e-12) << place;
    }
  }
}

/// The definition, in long double and in two passes.
double correlation(const std::vector<float>& w, const std::vector<float>& q) {
  long double mean_w = 0, mean_q = 0, ww = 0, qq = 0, wq = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    mean_w += static_cast<long double>(w[i]) / w.size();
    mean_q += static_cast<long double>(q[i]) / w.size();
  }
  for (std::size_t i = 0; i < w.size(); ++i) {
    ww += (w[i] - mean_w) * (w[i] - mean_w);
    qq += (q[i] - mean_q) * (q[i] - mean_q);
    wq += (w[i] - mean_w) * (q[i] - mean_q);
  }
  return static_cast<double>(wq / std::sqrt(ww * qq));
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
    const double expected = correlation(w, q);
    EXPECT_NEAR(filled(w, q).codebook.rho, expected, 1e-9) << lost;
  }
}

/// All errors are about the same and so are all weights: of both little is left about their means.
TEST(ErrorSums, TellTheCorrelationOfWhatIsNextToAlike) {
  std::vector<float> w(32, -1.049F), q(32, -0.1842F);
  w[16] = -1.24F;
  for (std::size_t i = 15; i < 20; ++i) q[i] = -0.1907F;
  EXPECT_NEAR(filled(w, q, w[0]).codebook.rho, correlation(w, q), 1e-9);
}

TEST(ErrorSums, OneValueForAllHasNoCorrelation) {
  std::vector<float> w(kWeights);
  for (std::size_t i = 0; i < kWeights; ++i) w[i] = static_cast<float>(i) * 1e20F;
  EXPECT_EQ(filled(w, std::vector<float>(kWeights, 0.1F)).codebook.rho, 0);
}

/// A factor that restored the variance would be beyond what float32 levels hold.
TEST(ErrorSums, WhatIsFarSmallerIsNotRescaled) {
  std::vector<float> w(kWeights), q(kWeights);
  w[1] = 1.6e30F;
  q[1] = 4e-17F;
  ErrorSums sums;
  sums.add({w.data(), w.size()}, q.data(), 0);
  EXPECT_EQ(sums.factor(Rescale::kVariance, 0), 1);
  EXPECT_EQ(sums.factor(Rescale::kMse, 0), 1);
}

}  // namespace
}  // namespace wquant
