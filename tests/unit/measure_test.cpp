#include "wquant/measure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "unit/engine_support.h"
#include "unit/layers.h"

namespace wquant {
namespace {

using namespace testing_layers;
using testing_engine::TestModel;

std::vector<float> with_noise(const std::vector<float>& layer, double share,
                              std::mt19937_64& random) {
  std::vector<float> noisy = layer;
  for (float& w : noisy) w = static_cast<float>(double{w} * (1 + share * gaussian(random)));
  return noisy;
}

/// In extended precision, by the definitions.
MeasuredErrors expected(const std::vector<float>& before, const std::vector<float>& after) {
  const auto n = static_cast<long double>(before.size());
  long double sum_w = 0, sum_q = 0;
  for (std::size_t i = 0; i < before.size(); ++i) sum_w += before[i], sum_q += after[i];
  long double ww = 0, qq = 0, wq = 0, power = 0, errors = 0, most = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const long double w = before[i] - sum_w / n, q = after[i] - sum_q / n;
    const long double error = static_cast<long double>(before[i]) - after[i];
    ww += w * w, qq += q * q, wq += w * q, errors += error * error;
    power += static_cast<long double>(before[i]) * before[i];
    most = std::max(most, std::fabs(error));
  }
  return {static_cast<double>(wq / std::sqrt(ww * qq)), static_cast<double>(errors / ww),
          static_cast<double>(10 * std::log10(power / errors)), static_cast<double>(most)};
}

TEST(Measure, FiguresAreThoseOfTheirDefinitions) {
  std::mt19937_64 random(1);
  TestModel original, restored;
  std::vector<std::vector<float>> before, after;
  std::vector<TensorPair> pairs;
  for (const std::size_t size : {3U, 1000U, 600'000U}) {
    for (const Shape shape : {Shape::kFlat, Shape::kHeavyTail, Shape::kCluster}) {
      for (const double share : {1e-4, 0.1}) {
        before.push_back(make_layer(shape, size, random));
        after.push_back(with_noise(before.back(), share, random));
        pairs.push_back({pairs.size(), pairs.size()});
        original.add("w", before.back());
        restored.add("w", after.back());
      }
    }
  }
  const std::vector<MeasuredErrors> measured = measure_errors(original, restored, pairs);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    SCOPED_TRACE(i);
    const MeasuredErrors exact = expected(before[i], after[i]);
    EXPECT_NEAR(1 - measured[i].rho, 1 - exact.rho, 1e-3 * (1 - exact.rho) + 1e-14);
    EXPECT_NEAR(measured[i].relative_error, exact.relative_error, 1e-3 * exact.relative_error);
    EXPECT_NEAR(measured[i].snr_db, exact.snr_db, 5e-3);
    EXPECT_NEAR(measured[i].max_error, exact.max_error, 1e-6 * exact.max_error);
  }
}

TEST(Measure, IsTheSameForAnyNumberOfThreads) {
  std::mt19937_64 random(2);
  TestModel original, restored;
  const std::vector<float> layer = make_layer(Shape::kHeavyTail, 1'000'000, random);
  original.add("w", layer);
  restored.add("w", with_noise(layer, 0.1, random));
  const std::vector<TensorPair> pairs = {{0, 0}};
  std::vector<double> rhos;
  for (const unsigned threads : {1U, 2U, 7U}) {
    RunOptions options;
    options.threads = threads;
    rhos.push_back(measure_errors(original, restored, pairs, options).front().rho);
  }
  EXPECT_EQ(rhos[0], rhos[1]);
  EXPECT_EQ(rhos[0], rhos[2]);
}

TEST(Measure, EqualWeightsLoseNothing) {
  TestModel model;
  model.add("varied", {1, 2, 3});
  model.add("constant", {2, 2, 2});
  const std::vector<TensorPair> pairs = {{0, 0}, {1, 1}};
  for (const MeasuredErrors& measured : measure_errors(model, model, pairs)) {
    EXPECT_EQ(measured.rho, 1);
    EXPECT_EQ(measured.relative_error, 0);
    EXPECT_TRUE(std::isinf(measured.snr_db));
    EXPECT_EQ(measured.max_error, 0);
  }
}

/// Of two that each differ from the rest at one place, another one: r = 1 / (n - 1), of both signs.
TEST(Measure, TellsTheCorrelationOfWhatIsFarSmaller) {
  for (const float sign : {1.0F, -1.0F}) {
    std::vector<float> weights(18), became(18);
    weights[1] = 1e30F;
    became[3] = -sign * 1e-17F;
    TestModel original, restored;
    original.add("w", weights);
    restored.add("w", became);
    const MeasuredErrors measured =
        measure_errors(original, restored, std::vector<TensorPair>{{0, 0}})[0];
    EXPECT_NEAR(measured.rho, static_cast<double>(sign) / 17, 1e-12);
  }
}

/// 5300 times 0.1F sums up to no multiple of it, in double either.
TEST(Measure, ConstantWeightsThatBecomeOthersHaveNoVariance) {
  TestModel original, restored;
  original.add("w", std::vector<float>(5300, 0.1F));
  restored.add("w", std::vector<float>(5300, 0.10001F));
  const MeasuredErrors measured =
      measure_errors(original, restored, std::vector<TensorPair>{{0, 0}})[0];
  EXPECT_EQ(measured.rho, 1);
  EXPECT_EQ(measured.relative_error, 0);
  EXPECT_NEAR(measured.max_error, 1e-5, 1e-8);
}

}  // namespace
}  // namespace wquant
