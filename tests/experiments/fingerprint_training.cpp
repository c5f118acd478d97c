#include "fingerprint_training.h"

#include <numeric>
#include <vector>

#include "adam.h"

namespace wquant::sample {
namespace {

using Eigen::Index;

constexpr int kHidden = 32;
constexpr Index kBatch = 40;
constexpr int kFirstEpochs = 30, kFurtherEpochs = 6;
constexpr float kRate = 2e-3F;
constexpr std::uint64_t kOrderSeed = 7;

void apply(Network& network, const Network& mask) {
  for (std::size_t i = 0; i < network.layers().size(); ++i) {
    network.layers()[i].weight.array() *= mask.layers()[i].weight.array();
  }
}

Compounds pick(const Compounds& all, std::span<const std::size_t> chosen) {
  const auto count = static_cast<Index>(chosen.size());
  Compounds batch{Matrix(kFingerprintBits, count), Eigen::VectorXf(count)};
  for (Index i = 0; i < count; ++i) {
    const auto from = static_cast<Index>(chosen[static_cast<std::size_t>(i)]);
    batch.features.col(i) = all.features.col(from);
    batch.target(i) = all.target(from);
  }
  return batch;
}

void compute_gradient(const Network& network, const Compounds& batch, Network& gradient) {
  std::vector<Trace> traces;
  Matrix delta = network.forward(batch.features, &traces);
  delta = (delta - batch.target.transpose()) * (2 / static_cast<float>(delta.cols()));
  network.backward(traces, std::move(delta), gradient);
}

void train(Network& network, const Network& mask, const Compounds& compounds, int epochs) {
  Random random(kOrderSeed);
  Adam adam(network);
  Network gradient = network;
  std::vector<std::size_t> order(static_cast<std::size_t>(compounds.target.size()));
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t batches = order.size() / kBatch;
  apply(network, mask);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    random.shuffle(order);
    for (std::size_t b = 0; b < batches; ++b) {
      const auto chosen = std::span(order).subspan(b * kBatch, kBatch);
      compute_gradient(network, pick(compounds, chosen), gradient);
      apply(gradient, mask);
      const float done = (float(epoch) + float(b) / float(batches)) / float(epochs);
      adam.step(network, gradient, cosine_rate(kRate, done));
    }
  }
}

}  // namespace

Network regression_network() {
  return Network(
      {dense_layer("hidden", kFingerprintBits, kHidden), dense_layer("output", kHidden, 1)});
}

Network whole(Network network) {
  for (Layer& layer : network.layers()) layer.weight.setOnes();
  return network;
}

Network first_network(const Compounds& compounds, std::uint64_t seed) {
  Network network = regression_network();
  Random random(seed);
  network.initialize(random);
  network.layers().back().bias.setConstant(compounds.target.mean());
  train(network, whole(network), compounds, kFirstEpochs);
  return network;
}

void train(Network& network, const Network& mask, const Compounds& compounds) {
  train(network, mask, compounds, kFurtherEpochs);
}

double loss(const Network& network, const Compounds& compounds) {
  const Matrix output = network.forward(compounds.features);
  return static_cast<double>((output - compounds.target.transpose()).squaredNorm()) /
         static_cast<double>(compounds.target.size());
}

}  // namespace wquant::sample
