#include "bench/weights.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "wquant/formats.h"
#include "wquant/model.h"

namespace wquant::bench {
namespace {

constexpr std::size_t kWeights = std::size_t{1} << 22;

template <typename Next>
std::vector<float> draw(Next&& next) {
  std::mt19937 random(1);
  std::vector<float> weights(kWeights);
  for (float& w : weights) w = next(random);
  return weights;
}

std::vector<float> gaussian() {
  std::normal_distribution<float> normal;
  return draw([&](auto& random) { return normal(random); });
}

std::vector<float> laplace() {
  std::exponential_distribution<float> exponential;
  return draw(
      [&](auto& random) { return random() % 2 == 0 ? exponential(random) : -exponential(random); });
}

double deviation(const std::vector<float>& weights) {
  double sum = 0, squares = 0;
  for (const double w : weights) {
    sum += w;
    squares += w * w;
  }
  const auto n = static_cast<double>(weights.size());
  return std::sqrt(std::max(squares / n - sum / n * (sum / n), 0.0));
}

}  // namespace

WeightSet read_weights(const std::string& path) {
  WeightSet set{path.substr(path.rfind('/') + 1), {}};
  const auto model = open_model(path);
  for (std::size_t i = 0; i < model->tensors().size(); ++i) {
    const TensorInfo& info = model->tensors()[i];
    if (info.shape.size() < 2 || !is_quantizable(info.dtype)) continue;
    set.tensors.emplace_back(info.count());
    model->read_floats(i, 0, set.tensors.back());
  }
  return set;
}

std::vector<WeightSet> weight_sets(const std::vector<std::string>& models) {
  std::vector<WeightSet> sets = {{"Gaussian", {gaussian()}}, {"Laplace", {laplace()}}};
  for (const std::string& path : models) sets.push_back(read_weights(path));
  return sets;
}

std::vector<std::uint8_t> linear_codes(const std::vector<float>& weights, double width) {
  const double unit = 1 / (width * deviation(weights));
  const auto interval = [&](float w) { return std::clamp(std::round(w * unit), -127.0, 127.0); };
  double lowest = 0;
  for (const float w : weights) lowest = std::min(lowest, interval(w));
  std::vector<std::uint8_t> codes(weights.size());
  std::ranges::transform(weights, codes.begin(),
                         [&](float w) { return static_cast<std::uint8_t>(interval(w) - lowest); });
  return codes;
}

}  // namespace wquant::bench
