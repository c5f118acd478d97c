#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "quant/family.h"
#include "quant/free_bound.h"
#include "unit/layers.h"
#include "unit/quantized.h"
#include "wquant/codebook.h"

namespace wquant {
namespace {

using namespace testing_layers;

/// The least squared error of any `levels` levels: all partitions of the sorted weights.
double least_error(std::vector<float> layer, std::size_t levels) {
  std::sort(layer.begin(), layer.end());
  const std::size_t n = layer.size();
  std::vector<long double> sum(n + 1);
  std::vector<long double> square(n + 1);
  for (std::size_t i = 0; i < n; ++i) {
    sum[i + 1] = sum[i] + static_cast<long double>(layer[i]);
    square[i + 1] =
        square[i] + static_cast<long double>(layer[i]) * static_cast<long double>(layer[i]);
  }
  const auto cost = [&](std::size_t i, std::size_t j) {
    const long double s = sum[j] - sum[i];
    return square[j] - square[i] - s * s / static_cast<long double>(j - i);
  };
  std::vector<long double> best(n + 1, std::numeric_limits<long double>::infinity());
  best[0] = 0;
  for (std::size_t k = 0; k < levels; ++k) {
    for (std::size_t j = n; j > 0; --j) {
      for (std::size_t i = 0; i < j; ++i) best[j] = std::min(best[j], best[i] + cost(i, j));
    }
  }
  return static_cast<double>(best[n]);
}

TEST(Kmeans, HasTheLeastErrorOfAllPartitions) {
  std::mt19937_64 random(11);
  for (const Shape shape : kShapes) {
    for (int i = 0; i < 600; ++i) {
      const std::vector<float> layer = make_layer(shape, 1 + random() % 48, random);
      const int bits = 1 + static_cast<int>(random() % 4);
      const Codebook book = fit_codebook(layer, settings_of("kmeans", bits));
      const double error = squared_error(layer, quantized(layer, book));
      const double least = least_error(layer, std::size_t{1} << bits);
      // Levels are float32.
      ASSERT_NEAR(error, least, 1e-6 * least + 1e-13 * power(layer))
          << "shape " << static_cast<int>(shape) << " layer " << i << " size " << layer.size()
          << " bits " << bits;
      ASSERT_EQ(book.gap, 0);
      ASSERT_EQ(book.x0, 0);
      ASSERT_EQ(book.ratio, 1);
    }
  }
}

TEST(Kmeans, FindsTheNumberOfLevelsThatNoMultiplierLeadsTo) {
  // Equal steps: the energy is linear in the number of levels over long stretches.
  for (const std::size_t size : {5U, 9U, 17U, 31U, 33U, 64U, 100U, 257U}) {
    std::vector<float> layer;
    for (std::size_t i = 0; i < size; ++i) layer.push_back(static_cast<float>(i) - 3);
    for (int bits = 1; bits <= 5; ++bits) {
      const Codebook book = fit_codebook(layer, settings_of("kmeans", bits));
      const double least = least_error(layer, std::size_t{1} << bits);
      EXPECT_NEAR(squared_error(layer, quantized(layer, book)), least, 1e-6 * least + 1e-9)
          << size << " weights, " << bits << " bits";
      EXPECT_EQ(std::adjacent_find(book.levels.begin(), book.levels.end()) == book.levels.end(),
                size >= book.levels.size());
    }
  }
}

/// The quantiles of a density, so that sampling does not blur its optimum.
template <typename F>
std::vector<float> quantiles(std::size_t size, F&& inverse) {
  std::vector<float> layer(size);
  for (std::size_t i = 0; i < size; ++i) {
    layer[i] =
        static_cast<float>(inverse((static_cast<double>(i) + 0.5) / static_cast<double>(size)));
  }
  return layer;
}

double laplace_quantile(double p) {
  const double half = p < 0.5 ? p : 1 - p;
  return std::copysign(std::log(2 * half) / std::sqrt(2.0), p - 0.5);
}

/// By Newton's steps on the distribution function.
double gauss_quantile(double p) {
  double x = 0;
  for (int step = 0; step < 60; ++step) {
    const double error = 0.5 * std::erfc(-x / std::sqrt(2.0)) - p;
    const double density = std::exp(-0.5 * x * x) / std::sqrt(2 * std::acos(-1.0));
    x -= std::clamp(error / density, -0.5, 0.5);
  }
  return x;
}

struct Golden {
  const char* name;
  double (*quantile)(double p);
  double rho[8];
};

class KmeansTable : public testing::TestWithParam<Golden> {};

TEST_P(KmeansTable, IsReached) {
  const std::vector<float> layer = quantiles(1'000'000, GetParam().quantile);
  for (int bits = 1; bits <= 8; ++bits) {
    const Codebook book = fit_codebook(layer, settings_of("kmeans", bits));
    EXPECT_NEAR(book.rho, GetParam().rho[bits - 1], 1.1e-5) << bits << " bits";
    EXPECT_LE(book.gap, 1e-6) << bits << " bits";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Densities, KmeansTable,
    testing::Values(Golden{"Gauss",
                           gauss_quantile,
                           {.79788, .93942, .98257, .99524, .99875, .99968, .99992, .99998}},
                    Golden{"Laplace",
                           laplace_quantile,
                           {.70711, .90764, .97238, .99228, .99795, .99947, .99987, .99997}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Kmeans, BinnedAndSortedWeightsAgreeWithinTheGap) {
  std::mt19937_64 random(13);
  for (const Shape shape : kShapes) {
    const std::vector<float> layer = make_layer(shape, kSortLimit, random);
    std::vector<float> twice = layer;
    twice.insert(twice.end(), layer.begin(), layer.end());
    for (const int bits : {1, 3, 5}) {
      const Codebook sorted = fit_codebook(layer, settings_of("kmeans", bits));
      const Codebook binned = fit_codebook(twice, settings_of("kmeans", bits));
      const double loss = sorted.rho - binned.rho;
      EXPECT_GE(loss, -1e-9) << "shape " << static_cast<int>(shape) << " bits " << bits;
      EXPECT_LE(loss, binned.gap + 1e-9) << "shape " << static_cast<int>(shape) << " bits " << bits;
      EXPECT_NEAR(correlation(twice, quantized(twice, binned)), binned.rho, 1e-7);
    }
  }
}

TEST(FreeBound, HoldsForTheBestLevelsHoweverCoarseItsCells) {
  std::mt19937_64 random(14);
  for (const Shape shape : kShapes) {
    const Distribution distribution = sorted_distribution(make_layer(shape, 2000, random));
    for (const int bits : {1, 2, 3, 5}) {
      const double best = fit_codebook(distribution, settings_of("kmeans", bits), {}).rho;
      for (const double effort : {2e3, 2e4, 1e6}) {
        EXPECT_GE(free_bound(distribution, std::size_t{1} << bits, effort), best - 1e-12)
            << "shape " << static_cast<int>(shape) << " bits " << bits << " effort " << effort;
      }
    }
  }
}

struct Lossless {
  const char* name;
  std::vector<float> layer;
  int kmeans_bits;  ///< That lose nothing.
};

const float kTiny = std::numeric_limits<float>::denorm_min();
const float kHuge = std::numeric_limits<float>::max();

class FewValues : public testing::TestWithParam<Lossless> {};

TEST_P(FewValues, AreKeptByKmeans) {
  const std::vector<float>& layer = GetParam().layer;
  for (int bits = GetParam().kmeans_bits; bits <= 8; ++bits) {
    const Codebook book = fit_codebook(layer, settings_of("kmeans", bits));
    const std::vector<double> q = quantized(layer, book);
    for (std::size_t i = 0; i < layer.size(); ++i) EXPECT_EQ(q[i], double{layer[i]}) << bits;
    EXPECT_NEAR(book.rho, 1, 1e-15);
    EXPECT_LE(book.gap, 1 - book.rho);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Layers, FewValues,
    testing::Values(Lossless{"Empty", {}, 1}, Lossless{"One", {0.3F}, 1},
                    Lossless{"Constant", std::vector<float>(100, -0.7F), 1},
                    Lossless{"Zeros", std::vector<float>(9, 0.0F), 1},
                    Lossless{"OneSign", {1, 2, 3, 4, 1, 2}, 2},
                    Lossless{"Negative", {-1, -2, -3, -4}, 2},
                    Lossless{"ZeroBetween", {-5, 0, 3, 0, -5}, 2},
                    Lossless{"Uneven", {-1, 0, 1, 2, 3, 4, 5, 100}, 3},
                    Lossless{"Denormals", {kTiny, -kTiny, 3 * kTiny, 0}, 2},
                    Lossless{"HugeAndTiny", {kHuge, -kTiny, 1e-20F, 1, -1e20F, -kHuge}, 3}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(FewValues, OfALargeTensorAreKeptWhereBinsTellThemApart) {
  std::vector<float> layer(50'000);
  for (std::size_t i = 0; i < layer.size(); ++i) layer[i] = static_cast<float>(i % 7) - 3;
  const Codebook book = fit_codebook(layer, settings_of("kmeans", 3));
  const std::vector<double> q = quantized(layer, book);
  for (std::size_t i = 0; i < layer.size(); ++i) ASSERT_EQ(q[i], double{layer[i]});
  EXPECT_NEAR(book.rho, 1, 1e-12);
}

}  // namespace
}  // namespace wquant
