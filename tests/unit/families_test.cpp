#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "quant/code_statistics.h"
#include "quant/family.h"
#include "unit/layers.h"
#include "unit/quantized.h"
#include "wquant/codebook.h"

namespace wquant {
namespace {

using namespace testing_layers;

TEST(Families, CorrelateBetterTheMoreFreedomTheyHave) {
  std::mt19937_64 random(12);
  for (const Shape shape : kShapes) {
    for (const std::size_t size : {7U, 100U, 1000U, 40'000U}) {
      const std::vector<float> layer = make_layer(shape, size, random);
      for (int bits = 1; bits <= 8; ++bits) {
        const double linear = fit_codebook(layer, settings_of("linear", bits)).rho;
        const Codebook exp = fit_codebook(layer, settings_of("exp", bits));
        const Codebook kmeans = fit_codebook(layer, settings_of("kmeans", bits));
        const std::string label = "shape " + std::to_string(static_cast<int>(shape)) + " size " +
                                  std::to_string(size) + " bits " + std::to_string(bits);
        EXPECT_GE(kmeans.rho, exp.rho - 1e-6) << label;
        EXPECT_GE(exp.rho + exp.gap, linear - 1e-9) << label;
        if (shape != Shape::kCluster) {
          EXPECT_GE(exp.rho, linear - 1e-6) << label;
        }
        EXPECT_NEAR(correlation(layer, quantized(layer, kmeans)), kmeans.rho, 1e-6) << label;
        // About a mean of 20 sigma the bins are wide.
        EXPECT_LE(kmeans.gap, shape == Shape::kCluster ? 1e-3 : 1e-5) << label;
        for (const char* mode : {"pow2", "fixed"}) {
          const Codebook book = fit_codebook(layer, settings_of(mode, bits));
          EXPECT_LE(book.rho, kmeans.rho + kmeans.gap + 1e-9) << mode << ' ' << label;
          EXPECT_NEAR(correlation(layer, quantized(layer, book)), book.rho, 1e-6)
              << mode << ' ' << label;
        }
      }
    }
  }
}

/// Weight by weight: the nearest level, of two equally near the one farther from zero.
std::vector<double> nearest(const std::vector<float>& layer, const std::vector<double>& levels) {
  std::vector<double> out;
  for (const float w : layer) {
    const auto farther = [&](double a, double b) {
      const double da = std::fabs(a - double{w});
      const double db = std::fabs(b - double{w});
      return da != db ? da < db
                      : std::fabs(a) > std::fabs(b) || (std::fabs(a) == std::fabs(b) && a > b);
    };
    out.push_back(*std::min_element(levels.begin(), levels.end(), farther));
  }
  return out;
}

/// A small layer of few bits that hits ties and zeros.
std::vector<float> dyadic_layer(std::mt19937_64& random) {
  std::vector<float> layer = make_layer(Shape::kHeavyTail, 1 + random() % 30, random);
  if (random() % 2 == 0) {
    for (float& w : layer) w = std::round(w * 4) / 8;
  }
  if (random() % 8 == 0) layer.assign(layer.size(), layer[0]);
  return layer;
}

TEST(Fixed, HasTheLeastErrorOverItsStep) {
  std::mt19937_64 random(15);
  for (int i = 0; i < 2000; ++i) {
    const std::vector<float> layer = dyadic_layer(random);
    const int bits = 1 + static_cast<int>(random() % 5);
    const Codebook book = fit_codebook(layer, settings_of("fixed", bits));
    double least = power(layer);
    for (int exponent = -30; exponent < 12; ++exponent) {
      std::vector<double> levels;
      for (int k = -(1 << (bits - 1)); k < 1 << (bits - 1); ++k) {
        levels.push_back(std::ldexp(k, exponent));
      }
      least = std::min(least, squared_error(layer, nearest(layer, levels)));
    }
    ASSERT_NEAR(squared_error(layer, quantized(layer, book)), least, 1e-9 * power(layer))
        << "layer " << i << " bits " << bits;
  }
}

TEST(Pow2, HasTheLeastErrorOverItsLargestLevelAndItsZero) {
  std::mt19937_64 random(16);
  for (int i = 0; i < 2000; ++i) {
    const std::vector<float> layer = dyadic_layer(random);
    const int bits = 1 + static_cast<int>(random() % 5);
    const int intervals = 1 << (bits - 1);
    const Codebook book = fit_codebook(layer, settings_of("pow2", bits));
    double least = std::numeric_limits<double>::infinity();
    for (int exponent = -30; exponent < 12; ++exponent) {
      std::vector<double> levels;
      for (int k = 0; k < intervals; ++k) {
        levels.push_back(std::ldexp(1, exponent - k));
        levels.push_back(-std::ldexp(1, exponent - k));
      }
      least = std::min(least, squared_error(layer, nearest(layer, levels)));
      for (int smallest = 1; smallest <= 2; ++smallest) {
        std::vector<double> with_zero = levels;
        with_zero[with_zero.size() - static_cast<std::size_t>(smallest)] = 0;
        least = std::min(least, squared_error(layer, nearest(layer, with_zero)));
      }
    }
    ASSERT_NEAR(squared_error(layer, quantized(layer, book)), least, 1e-9 * power(layer))
        << "layer " << i << " bits " << bits;
  }
}

TEST(Ternary, HasTheLargestCorrelationOverItsThreshold) {
  std::mt19937_64 random(17);
  for (const Shape shape : kShapes) {
    for (int i = 0; i < 200; ++i) {
      const std::vector<float> layer = make_layer(shape, 2 + random() % 60, random);
      const Codebook book = fit_codebook(layer, settings_of("ternary", 2, Rescale::kVariance));
      double best = 0;
      for (const float threshold : layer) {
        std::vector<double> q;
        for (const float w : layer) {
          const bool zero = std::fabs(w) < std::fabs(threshold);
          q.push_back(zero ? 0 : std::signbit(w) && w != 0 ? -1 : 1);
        }
        best = std::max(best, correlation(layer, q));
      }
      ASSERT_NEAR(correlation(layer, quantized(layer, book)), best, 1e-6)
          << "shape " << static_cast<int>(shape) << " layer " << i;
      ASSERT_EQ(book.levels[1], 0);
      ASSERT_EQ(book.levels[0], -book.levels[2]);
      ASSERT_EQ(book.levels[3], book.levels[2]);
    }
  }
}

TEST(Binary, IsTheMeanMagnitude) {
  std::mt19937_64 random(18);
  for (const Shape shape : kShapes) {
    const std::vector<float> layer = make_layer(shape, 333, random);
    double mean = 0;
    for (const float w : layer) mean += std::fabs(double{w}) / static_cast<double>(layer.size());
    const Codebook book = fit_codebook(layer, settings_of("binary", 1));
    EXPECT_FLOAT_EQ(book.levels[1], static_cast<float>(mean));
    EXPECT_EQ(book.levels[0], -book.levels[1]);
    for (const float w : layer) {
      EXPECT_EQ(quantized({w}, book)[0], double{w < 0 ? book.levels[0] : book.levels[1]});
    }
  }
}

const float kTiny = std::numeric_limits<float>::denorm_min();
const float kHuge = std::numeric_limits<float>::max();

/// Layers on which divisions by zero, overflow and empty intervals show.
std::vector<std::vector<float>> odd_layers() {
  std::vector<std::vector<float>> layers = {
      {},
      {0.3F},
      {-0.7F, -0.7F},
      {0.0F, -0.0F},
      {1, -2, 1, 2, -1},
      {0, 1, 0, 0, 1},
      {kTiny, -2 * kTiny, 3 * kTiny, -7 * kTiny},
      {kHuge, -kHuge, kHuge / 2, kHuge / 3},
      {kHuge, -kTiny, 1e-20F, 1, -1e20F},
  };
  const std::size_t small = layers.size();
  for (std::size_t i = 1; i < small; ++i) {
    std::vector<float> large(kSortLimit + 3);
    for (std::size_t k = 0; k < large.size(); ++k) large[k] = layers[i][k % layers[i].size()];
    layers.push_back(large);
  }
  return layers;
}

/// A figure that the sums over the bins give, against the weights themselves.
void expect_statistics(const std::vector<float>& layer, const Codebook& book,
                       const std::string& label) {
  KeyTable table;
  const CodeStatistics statistics = code_statistics(distribution_of(layer, table), book);
  const double error = squared_error(layer, quantized(layer, book));
  // In a large tensor the smallest magnitudes count as zero.
  const double tiny = static_cast<double>(layer.size()) * 0x1p-268;
  EXPECT_NEAR(statistics.squared_error, error, 1e-6 * error + 1e-11 * power(layer) + tiny) << label;
}

TEST(Families, GiveAscendingFiniteLevelsForOddLayers) {
  int number = 0;
  for (const std::vector<float>& layer : odd_layers()) {
    ++number;
    for (const FamilyInfo& family : families()) {
      for (int bits = family.min_bits; bits <= family.max_bits; ++bits) {
        const std::string label = "layer " + std::to_string(number) + " " +
                                  std::string(family.name) + " bits " + std::to_string(bits);
        const Rescale rescale = family.rescaled ? Rescale::kVariance : Rescale::kNone;
        const Codebook book =
            fit_codebook(layer, settings_of(std::string(family.name), bits, rescale));
        ASSERT_EQ(book.levels.size(), std::size_t{1} << bits) << label;
        ASSERT_EQ(book.thresholds.size() + 1, book.levels.size()) << label;
        ASSERT_TRUE(std::is_sorted(book.levels.begin(), book.levels.end())) << label;
        ASSERT_TRUE(std::is_sorted(book.thresholds.begin(), book.thresholds.end())) << label;
        for (const float level : book.levels) ASSERT_TRUE(std::isfinite(level)) << label;
        ASSERT_TRUE(book.rho >= 0 && book.rho <= 1) << label << ' ' << book.rho;
        ASSERT_TRUE(book.gap >= 0 && book.gap <= 1) << label << ' ' << book.gap;
        ASSERT_TRUE(std::isfinite(book.scale)) << label;
        if (!layer.empty()) expect_statistics(layer, book, label);
      }
    }
  }
}

TEST(Families, ReportTheErrorOfWhatIsWritten) {
  std::mt19937_64 random(19);
  for (const Shape shape : kShapes) {
    for (const std::size_t size : {50U, 40'000U}) {
      const std::vector<float> layer = make_layer(shape, size, random);
      for (const FamilyInfo& family : families()) {
        const int bits = std::min(3, family.max_bits);
        const Codebook book = fit_codebook(layer, settings_of(std::string(family.name), bits));
        expect_statistics(layer, book, std::string(family.name));
      }
    }
  }
}

TEST(Rescale, OfFreeLevelsKeepsTheVarianceAndTheCorrelation) {
  std::mt19937_64 random(20);
  const std::vector<float> layer = make_layer(Shape::kHeavyTail, 3000, random);
  const double n = 3000;
  for (const char* mode : {"kmeans", "ternary"}) {
    const Codebook plain = fit_codebook(layer, settings_of(mode, 2));
    const Codebook scaled = fit_codebook(layer, settings_of(mode, 2, Rescale::kVariance));
    const Codebook least = fit_codebook(layer, settings_of(mode, 2, Rescale::kMse));
    EXPECT_EQ(plain.thresholds, scaled.thresholds);
    EXPECT_DOUBLE_EQ(plain.rho, scaled.rho);
    EXPECT_NEAR(scaled.scale, 1 / plain.rho, 1e-2 * scaled.scale);
    EXPECT_NEAR(least.scale, 1, 1e-9);
    // The squared error is 2 (1 - rho) of the variance, but for the shifted mean.
    const double variance = power(layer) / n;
    EXPECT_NEAR(squared_error(layer, quantized(layer, scaled)) / n / variance, 2 * (1 - plain.rho),
                0.02);
  }
}

}  // namespace
}  // namespace wquant
