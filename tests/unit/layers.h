#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace wquant::testing_layers {

/// Shapes of small layers that searches are apt to get wrong.
enum class Shape { kFlat, kRamp, kTwoClusters, kHeavyTail, kOutlier, kTies, kOneSign, kCluster };
inline constexpr Shape kShapes[] = {Shape::kFlat,      Shape::kRamp,    Shape::kTwoClusters,
                                    Shape::kHeavyTail, Shape::kOutlier, Shape::kTies,
                                    Shape::kOneSign,   Shape::kCluster};

/// Uniform in [0, 1), the same on every machine.
inline double uniform(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

inline double gaussian(std::mt19937_64& random) {
  const double radius = std::sqrt(-2 * std::log(1 - uniform(random)));
  return radius * std::cos(2 * std::acos(-1.0) * uniform(random));
}

inline std::vector<float> make_layer(Shape shape, std::size_t size, std::mt19937_64& random) {
  std::vector<float> layer(size);
  for (std::size_t i = 0; i < size; ++i) {
    const double sign = uniform(random) < 0.5 ? -1 : 1;
    double w = 0;
    switch (shape) {
      case Shape::kFlat:
        w = sign * uniform(random);
        break;
      case Shape::kRamp:
        w = static_cast<double>(i) - 0.4 * static_cast<double>(size);
        break;
      case Shape::kTwoClusters:
        w = sign * (uniform(random) < 0.5 ? 1 : 5) + 0.1 * uniform(random);
        break;
      case Shape::kHeavyTail:
        w = sign * std::pow(1 - uniform(random), -0.7);
        break;
      case Shape::kOutlier:
        w = i == 0 ? 100 : gaussian(random);
        break;
      case Shape::kTies:
        w = sign * std::floor(5 * uniform(random));
        break;
      case Shape::kOneSign:
        w = -std::fabs(gaussian(random)) - 0.01;
        break;
      case Shape::kCluster:
        w = 1 + 0.05 * gaussian(random);
        break;
    }
    layer[i] = static_cast<float>(w);
  }
  return layer;
}

/// Pearson correlation in long double; 0 when one of the two does not vary.
inline double correlation(const std::vector<float>& a, const std::vector<double>& b) {
  const auto n = static_cast<long double>(a.size());
  long double mean_a = 0;
  long double mean_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    mean_a += static_cast<long double>(a[i]) / n;
    mean_b += static_cast<long double>(b[i]) / n;
  }
  long double ab = 0;
  long double aa = 0;
  long double bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const long double da = static_cast<long double>(a[i]) - mean_a;
    const long double db = static_cast<long double>(b[i]) - mean_b;
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return aa > 0 && bb > 1e-24L * (bb + n * mean_b * mean_b)
             ? static_cast<double>(ab / std::sqrt(aa * bb))
             : 0;
}

}  // namespace wquant::testing_layers
