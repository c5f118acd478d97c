#include "adam.h"

#include <cmath>
#include <numbers>

namespace wquant::sample {
namespace {

constexpr float kDecay1 = 0.9F, kDecay2 = 0.999F, kEpsilon = 1e-8F;

Network zeros_like(Network network) {
  for (Layer& layer : network.layers()) {
    layer.weight.setZero();
    layer.bias.setZero();
  }
  return network;
}

template <typename T>
void update(T& value, const T& gradient, T& mean, T& square, float rate) {
  mean = kDecay1 * mean + (1 - kDecay1) * gradient;
  square = kDecay2 * square + (1 - kDecay2) * gradient.cwiseAbs2();
  value.array() -= rate * mean.array() / (square.array().sqrt() + kEpsilon);
}

}  // namespace

Adam::Adam(const Network& network) : mean_(zeros_like(network)), square_(mean_) {}

void Adam::step(Network& network, const Network& gradient, float rate) {
  ++steps_;
  const float correction =
      std::sqrt(1 - std::pow(kDecay2, float(steps_))) / (1 - std::pow(kDecay1, float(steps_)));
  for (std::size_t i = 0; i < network.layers().size(); ++i) {
    const Layer& g = gradient.layers()[i];
    Layer &w = network.layers()[i], &m = mean_.layers()[i], &s = square_.layers()[i];
    update(w.weight, g.weight, m.weight, s.weight, rate * correction);
    update(w.bias, g.bias, m.bias, s.bias, rate * correction);
  }
}

float cosine_rate(float rate, float done) {
  return rate * (1 + std::cos(std::numbers::pi_v<float> * done)) / 2;
}

}  // namespace wquant::sample
