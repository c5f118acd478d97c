#include "partitions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <utility>

#include "quant/partition.h"
#include "unit/layers.h"

namespace wquant::papers {
namespace {

using testing_layers::gaussian;
using testing_layers::uniform;

constexpr std::uint64_t kGaussSeed = 1, kLaplaceSeed = 2;

double laplace(std::mt19937_64& random) {
  const double sign = uniform(random) < 0.5 ? -1 : 1;
  return -sign * std::log(1 - uniform(random)) / std::sqrt(2.0);
}

Sample draw(std::string name, std::size_t count, std::uint64_t seed,
            double (*density)(std::mt19937_64&)) {
  Sample sample{std::move(name), std::vector<float>(count)};
  std::mt19937_64 random(seed);
  double sum = 0, squares = 0;
  for (float& w : sample.weights) {
    w = static_cast<float>(density(random));
    sum += double{w};
    squares += double{w} * double{w};
    sample.largest = std::max(sample.largest, std::fabs(double{w}));
  }
  const auto n = static_cast<double>(count);
  sample.sigma = std::sqrt(squares / n - sum / n * (sum / n));
  return sample;
}

}  // namespace

Sample gaussian_sample(std::size_t count) { return draw("Gauss", count, kGaussSeed, gaussian); }
Sample laplace_sample(std::size_t count) { return draw("Laplace", count, kLaplaceSeed, laplace); }

std::span<const Reading, kReadings> readings() {
  static const std::array<Reading, kReadings> kAll = {
      {{"linear, full range", "mode=linear,range=full"},
       {"linear, x0 searched", "mode=linear"},
       {"exp, ratio `range`", "mode=exp,ratio=range"},
       {"exp, ratio 2", "mode=exp,ratio=2"},
       {"exp, ratio searched", "mode=exp"}}};
  return kAll;
}

Codebook best_codebook(const Sample& sample, const Reading& reading, Values values, int bits) {
  TensorSettings settings;
  wquant::apply(settings, reading.settings);
  settings.values = values;
  settings.bits = bits;
  return fit_codebook(sample.weights, settings);
}

double saved_bits(double rho, int bits, std::span<const double> linear) {
  const auto height = [&](std::size_t i) { return -std::log(1 - linear[i]); };
  const double wanted = -std::log(1 - rho);
  std::size_t i = 0;
  while (i + 2 < linear.size() && height(i + 1) < wanted) ++i;
  const double part = (wanted - height(i)) / (height(i + 1) - height(i));
  return static_cast<double>(i + 1) + part - bits;
}

PartitionCurves::PartitionCurves(const Sample& sample, int bits)
    : distribution_(sorted_distribution(sample.weights)),
      objective_(distribution_, bits, Values::kCentroid) {}

double PartitionCurves::rho(ReadingIndex reading, double x0) {
  constexpr double kLargestRatio = 4;
  constexpr int kRatios = 60;
  const double widths = distribution_.max_abs() / x0;
  switch (reading) {
    case kExpRange:
      return objective_.rho(x0, ratio_for_width_sum(widths, objective_.intervals(), widths));
    case kExpTwo:
      return objective_.rho(x0, 2);
    case kExpSearched: {
      double best = 0;
      for (int i = 0; i <= kRatios; ++i) {
        best = std::max(best, objective_.rho(x0, std::pow(kLargestRatio, double(i) / kRatios)));
      }
      return best;
    }
    default:
      return objective_.rho(x0, 1);
  }
}

}  // namespace wquant::papers
