#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "unit/decoded.h"
#include "unit/engine_support.h"
#include "unit/layers.h"
#include "unit/pruned.h"
#include "unit/quantized.h"
#include "wquant/codebook.h"
#include "wquant/error.h"
#include "wquant/quantize.h"

namespace wquant {
namespace {

using namespace testing_layers;
using testing_engine::decoded;
using testing_engine::Outcome;
using testing_engine::run;
using testing_engine::TestModel;

bool all_nearest(const std::vector<float>& layer, const std::vector<double>& values,
                 const Codebook& book) {
  for (std::size_t i = 0; i < layer.size(); ++i) {
    double least = std::fabs(values[i] - double{layer[i]});
    for (const float level : book.levels) {
      // Of many weights the threshold is the edge of a histogram's bin.
      const double slack = 2e-3 * std::fabs(double{layer[i]});
      if (std::fabs(double{level} - double{layer[i]}) < least - slack - 1e-6) return false;
    }
  }
  return true;
}

TensorSettings zero_settings(const std::string& mode, int bits, Zero zero) {
  TensorSettings settings = settings_of(mode, bits);
  settings.zero = zero;
  return settings;
}

TEST(ZeroLevel, KeepsTheZerosOfPrunedLayers) {
  std::mt19937_64 random(31);
  for (const Shape shape : kShapes) {
    for (const std::size_t size : {50U, 3000U, 40'000U}) {
      std::vector<float> layer = make_layer(shape, size, random);
      prune(layer, 0.2 + 0.7 * uniform(random), random() % 2 == 0, random);
      for (int bits = 2; bits <= 8; bits += size > 5000 ? 3 : 1) {
        for (const char* mode : {"linear", "exp", "kmeans"}) {
          const std::string label = std::string(mode) + " shape " +
                                    std::to_string(static_cast<int>(shape)) + " size " +
                                    std::to_string(size) + " bits " + std::to_string(bits);
          const Codebook book = fit_codebook(layer, zero_settings(mode, bits, Zero::kKeep));
          const std::vector<double> values = quantized(layer, book);
          EXPECT_TRUE(zeros_stay(layer, values)) << label;
          EXPECT_TRUE(all_nearest(layer, values, book)) << label;
          EXPECT_NEAR(correlation(layer, values), book.rho, 1e-6) << label;
          const Codebook off = fit_codebook(layer, zero_settings(mode, bits, Zero::kOff));
          // At most what a level less costs, and more often than not less.
          EXPECT_LE(1 - book.rho, 2.5 * (1 - off.rho) + 1e-6) << label;
        }
      }
      const Codebook ternary = fit_codebook(layer, zero_settings("ternary", 2, Zero::kAuto));
      EXPECT_TRUE(zeros_stay(layer, quantized(layer, ternary)));
    }
  }
}

TEST(ZeroLevel, IsForManyZerosOnly) {
  std::mt19937_64 random(32);
  std::vector<float> layer = make_layer(Shape::kOutlier, 1600, random);
  const auto levels = [&](Zero zero) {
    return fit_codebook(layer, zero_settings("exp", 3, zero)).levels;
  };
  std::fill(layer.begin(), layer.begin() + 199, 0.0F);
  EXPECT_EQ(levels(Zero::kAuto), levels(Zero::kOff));
  EXPECT_NE(levels(Zero::kKeep), levels(Zero::kOff));
  layer[199] = 0;
  EXPECT_EQ(levels(Zero::kAuto), levels(Zero::kKeep));
  EXPECT_NE(levels(Zero::kAuto), levels(Zero::kOff));
}

TEST(ZeroLevel, ChangesNothingWithoutZeros) {
  std::mt19937_64 random(33);
  const std::vector<float> layer = make_layer(Shape::kOutlier, 2000, random);
  for (const char* mode : {"linear", "exp", "kmeans"}) {
    EXPECT_EQ(fit_codebook(layer, zero_settings(mode, 3, Zero::kKeep)).levels,
              fit_codebook(layer, zero_settings(mode, 3, Zero::kOff)).levels);
  }
}

TEST(ZeroLevel, LosesNothingOfFewValues) {
  std::vector<float> layer(600);
  for (std::size_t i = 0; i < layer.size(); ++i) {
    layer[i] = 0.25F * static_cast<float>(i % 4) - 0.5F;
  }
  const Codebook book = fit_codebook(layer, zero_settings("kmeans", 2, Zero::kKeep));
  EXPECT_NEAR(book.rho, 1, 1e-12);
  EXPECT_EQ(squared_error(layer, quantized(layer, book)), 0);
}

TEST(ZeroLevel, IsNotForAnExactSearch) {
  TensorSettings settings = zero_settings("exp", 3, Zero::kKeep);
  settings.search = SearchRule::kExact;
  EXPECT_THROW(check(settings), Error);
}

TEST(ZeroLevel, SurvivesScalesAndBalancedCodes) {
  std::mt19937_64 random(34);
  std::vector<float> layer = make_layer(Shape::kHeavyTail, std::size_t{64} * 288, random);
  prune(layer, 0.5, false, random);
  // A cell that is all zeros, too.
  std::fill(layer.begin(), layer.begin() + 576, 0.0F);
  TestModel model;
  model.add("w", {64, 32, 3, 3}, layer, OutputAxis());
  for (const char* granularity : {"tensor", "channel", "group:64"}) {
    for (const char* mode : {"linear", "exp", "kmeans"}) {
      for (const int bits : {2, 3, 4, 7}) {
        Settings settings;
        settings.tensor.bits = bits;
        wquant::apply(settings.tensor,
                      std::string("balance=auto,mode=") + mode + ",granularity=" + granularity);
        const Outcome outcome = run(model, settings, 2);
        EXPECT_TRUE(zeros_stay(layer, decoded(outcome, 0)))
            << granularity << ' ' << mode << ' ' << bits;
      }
    }
  }
}

}  // namespace
}  // namespace wquant
