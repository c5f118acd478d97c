#include "sample_training.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "adam.h"

namespace wquant::sample {
namespace {

using Eigen::Index;

constexpr int kEpochs = 12;
constexpr std::size_t kBatch = 50;
constexpr float kRate = 2e-3F;

ImageSet pick(const ImageSet& images, std::span<const std::size_t> chosen) {
  ImageSet batch;
  for (const std::size_t i : chosen) {
    const auto first = images.pixels.begin() + static_cast<std::ptrdiff_t>(i * kPixels);
    batch.pixels.insert(batch.pixels.end(), first, first + kPixels);
    batch.labels.push_back(images.labels[i]);
  }
  return batch;
}

/// Turns scores into the gradient of the mean cross entropy.
void to_loss_gradient(Matrix& scores, std::span<const std::uint8_t> labels) {
  for (Index i = 0; i < scores.cols(); ++i) {
    auto column = scores.col(i);
    column = (column.array() - column.maxCoeff()).exp();
    column /= column.sum();
    column(labels[static_cast<std::size_t>(i)]) -= 1;
  }
  scores /= static_cast<float>(scores.cols());
}

void compute_gradient(const Network& network, const ImageSet& batch, Network& gradient) {
  std::vector<Trace> traces;
  Matrix delta = network.scores(batch.pixels, &traces);
  to_loss_gradient(delta, batch.labels);
  network.backward(traces, std::move(delta), gradient);
}

}  // namespace

Network train(const ImageSet& images, std::uint64_t seed) {
  Random random(seed);
  Network network, gradient;
  network.initialize(random);
  Adam adam(network);
  std::vector<std::size_t> order(images.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t batches = images.size() / kBatch;
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    random.shuffle(std::span(order));
    for (std::size_t b = 0; b < batches; ++b) {
      const ImageSet batch = pick(images, std::span(order).subspan(b * kBatch, kBatch));
      compute_gradient(network, batch, gradient);
      const float done = (float(epoch) + float(b) / float(batches)) / kEpochs;
      adam.step(network, gradient, cosine_rate(kRate, done));
    }
    std::fprintf(stderr, "epoch %d of %d: %.2f %% of the training images\n", epoch + 1, kEpochs,
                 accuracy(network, images));
  }
  return network;
}

double accuracy(const Network& network, const ImageSet& images) {
  constexpr std::size_t kChunk = 200;
  std::size_t right = 0;
  for (std::size_t first = 0; first < images.size(); first += kChunk) {
    const std::size_t count = std::min(kChunk, images.size() - first);
    const Matrix scores =
        network.scores(std::span(images.pixels).subspan(first * kPixels, count * kPixels));
    for (std::size_t i = 0; i < count; ++i) {
      Index best = 0;
      scores.col(static_cast<Index>(i)).maxCoeff(&best);
      right += best == images.labels[first + i] ? 1 : 0;
    }
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(images.size());
}

}  // namespace wquant::sample
