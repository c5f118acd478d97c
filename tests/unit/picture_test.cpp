#include "quant/picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

#include "quant/family.h"
#include "quant/histogram.h"
#include "unit/engine_support.h"
#include "unit/layers.h"

namespace wquant {
namespace {

using testing_layers::make_layer;
using testing_layers::Shape;

std::vector<float> heavy_tail(std::size_t size) {
  std::mt19937_64 random(5);
  return make_layer(Shape::kHeavyTail, size, random);
}

std::uint64_t total(const Histogram& weights) {
  return std::accumulate(weights.counts.begin(), weights.counts.end(),
                         weights.below + weights.above);
}

TensorPicture picture(const std::vector<float>& weights, const TensorSettings& settings) {
  KeyTable table;
  const Distribution distribution = distribution_of(weights, table);
  return picture_of(distribution, fit_codebook(distribution, settings, SearchEffort()), settings);
}

/// Of one tensor of a run that is asked for pictures or not.
std::optional<TensorPicture> run_picture(const std::vector<float>& weights,
                                         const TensorSettings& settings, bool asked,
                                         unsigned threads = 1) {
  testing_engine::TestModel model;
  model.add("a", {weights.size() / 16, 16}, weights, OutputAxis{});
  Settings all;
  all.tensor = settings;
  const Plan plan = make_plan(model, all);
  testing_engine::MemorySink sink(plan);
  RunOptions options;
  options.threads = threads;
  options.pictures = asked;
  return quantize(model, plan, sink, options).tensors.front().picture;
}

TEST(Histogram, CountsEveryWeightOnce) {
  const std::vector<float> weights = {-2, -1, -1, 0, 0.5, 0.5, 0.5, 1, 3, 7};
  const Histogram found = histogram_of(stretches_of(sorted_distribution(weights)), -1, 3, 4);
  EXPECT_EQ(found.counts, (std::vector<std::uint64_t>{2, 4, 1, 1}));
  EXPECT_EQ(found.below, 1U);
  EXPECT_EQ(found.above, 1U);
}

TEST(Histogram, LosesNoneOfManyWeightsInBins) {
  const std::vector<float> weights = heavy_tail(200'000);
  KeyTable table;
  const Distribution distribution = distribution_of(weights, table);
  ASSERT_FALSE(distribution.exact());
  const Histogram found = histogram_of(stretches_of(distribution), -1, 1, 50);
  EXPECT_EQ(total(found), weights.size());
  // A bin of the histogram is off by no more than the bins of the distribution at its two edges.
  for (std::size_t bin = 0; bin < 50; ++bin) {
    const double low = -1 + 0.04 * static_cast<double>(bin);
    const auto exact = std::ranges::count_if(
        weights, [=](float w) { return double{w} >= low && double{w} < low + 0.04; });
    EXPECT_NEAR(static_cast<double>(found.counts[bin]), static_cast<double>(exact),
                0.02 * static_cast<double>(exact) + 5);
  }
}

TEST(Picture, RangeHoldsAllButAThousandthOfTheWeights) {
  for (const Shape shape : testing_layers::kShapes) {
    std::mt19937_64 random(7);
    const std::vector<float> weights = make_layer(shape, 20'000, random);
    const TensorPicture found = picture(weights, TensorSettings());
    EXPECT_EQ(total(found.weights), weights.size());
    EXPECT_LE(found.weights.below + found.weights.above, weights.size() / 1000);
  }
}

TEST(Picture, OutlierDoesNotHideTheOthers) {
  std::vector<float> weights = heavy_tail(5000);
  weights.front() = 1e6F;
  TensorSettings settings;
  settings.mode = "kmeans";
  EXPECT_LT(picture(weights, settings).weights.high, 1000);
}

TEST(Picture, OneValueHasARange) {
  for (const float value : {0.0F, 0.25F, -3.0F}) {
    const TensorPicture found = picture(std::vector<float>(10, value), TensorSettings());
    EXPECT_LT(found.weights.low, found.weights.high);
    EXPECT_EQ(total(found.weights), 10U);
    EXPECT_TRUE(found.curve.empty());
  }
}

TEST(Curve, IsHighestAtTheOptimumOfEveryWidth) {
  const std::vector<float> weights = heavy_tail(20'000);
  const Distribution distribution = sorted_distribution(weights);
  for (const char* mode : {"linear", "exp"}) {
    for (const int bits : {2, 3, 5, 8}) {
      TensorSettings settings;
      settings.mode = mode;
      settings.bits = bits;
      const Codebook codebook = fit_codebook(distribution, settings, SearchEffort());
      const std::vector<CurvePoint> curve = picture_of(distribution, codebook, settings).curve;
      ASSERT_GE(curve.size(), 64U);
      EXPECT_TRUE(std::ranges::is_sorted(curve, {}, &CurvePoint::x0));
      const auto own = std::ranges::find(curve, codebook.x0, &CurvePoint::x0);
      ASSERT_NE(own, curve.end());
      EXPECT_NEAR(own->rho, codebook.rho, 1e-12);
      const auto best = std::ranges::max_element(curve, {}, &CurvePoint::rho);
      EXPECT_LE(best->rho, codebook.rho + codebook.gap + 1e-12);
      EXPECT_LT(curve.front().rho, own->rho);
    }
  }
}

TEST(Curve, IsLeftOutWhereLevelsDoNotFollowFromX0) {
  std::vector<float> weights = heavy_tail(4096);
  TensorSettings settings;
  settings.mode = "kmeans";
  EXPECT_TRUE(picture(weights, settings).curve.empty());
  settings = {};
  settings.bits = 1;
  EXPECT_TRUE(picture(weights, settings).curve.empty());
  settings = {};
  settings.coding = Coding::kEntropy;
  settings.mode = kEntropyMode;
  EXPECT_TRUE(picture(weights, settings).curve.empty());
  std::fill(weights.begin(), weights.begin() + 2048, 0.0F);
  EXPECT_TRUE(picture(weights, TensorSettings()).curve.empty());
}

TEST(Pictures, AreThereOnlyWhenAskedFor) {
  for (const std::size_t size : {1600U, 3'200'000U}) {
    const std::vector<float> weights = heavy_tail(size);
    EXPECT_FALSE(run_picture(weights, TensorSettings(), false));
    const auto found = run_picture(weights, TensorSettings(), true);
    ASSERT_TRUE(found);
    EXPECT_EQ(total(found->weights), size);
    EXPECT_EQ(found->levels.size(), 16U);
    EXPECT_EQ(found->thresholds.size(), 15U);
  }
}

TEST(Pictures, WithScalesShowWeightsOverThem) {
  TensorSettings settings;
  settings.granularity = Granularity::kGroup;
  settings.group_size = 32;
  settings.bits = 3;
  const auto found = run_picture(heavy_tail(6400), settings, true);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->curve.empty());
  EXPECT_EQ(total(found->weights), 6400U);
  EXPECT_EQ(found->levels.size(), 8U);
  // Levels lie among what they stand for.
  EXPECT_GT(found->levels.front(), found->weights.low);
  EXPECT_LT(found->levels.back(), found->weights.high);
}

TEST(Pictures, AreTheSameForAnyNumberOfThreads) {
  const std::vector<float> weights = heavy_tail(3'200'000);
  const auto one = run_picture(weights, TensorSettings(), true, 1);
  const auto two = run_picture(weights, TensorSettings(), true, 2);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->weights.counts, two->weights.counts);
  ASSERT_EQ(one->curve.size(), two->curve.size());
  for (std::size_t i = 0; i < one->curve.size(); ++i) {
    EXPECT_EQ(one->curve[i].rho, two->curve[i].rho);
  }
}

}  // namespace
}  // namespace wquant
