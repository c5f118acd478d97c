#include "sample_network.h"

#include <cmath>

#include "sample_images.h"

namespace wquant::sample {
namespace {

using Eigen::Index;

constexpr int kKernel = 3;
constexpr int kTaps = kKernel * kKernel;

Layer make_layer(std::string name, int inputs, int outputs, int side) {
  const int columns = side > 0 ? inputs * kTaps : inputs;
  return {std::move(name), inputs, side, Weights::Zero(outputs, columns),
          Eigen::VectorXf::Zero(outputs)};
}

/// Calls visit(position, neighbour, tap) for every pair of positions that a convolution connects.
template <typename Visit>
void for_each_tap(Index images, int side, Visit visit) {
  for (Index image = 0; image < images; ++image) {
    for (int y = 0; y < side; ++y) {
      for (int x = 0; x < side; ++x) {
        for (int tap = 0; tap < kTaps; ++tap) {
          const int ny = y + tap / kKernel - 1, nx = x + tap % kKernel - 1;
          if (ny < 0 || nx < 0 || ny >= side || nx >= side) continue;
          visit((image * side + y) * side + x, (image * side + ny) * side + nx, tap);
        }
      }
    }
  }
}

Index images_of(const Layer& layer, Index positions) {
  return positions / (Index{layer.side} * layer.side);
}

/// Row channel * 9 + tap of a column: that channel of the position's neighbour.
Matrix to_columns(const Layer& layer, const Matrix& input) {
  Matrix columns = Matrix::Zero(input.rows() * kTaps, input.cols());
  for_each_tap(images_of(layer, input.cols()), layer.side, [&](Index at, Index from, int tap) {
    for (Index c = 0; c < input.rows(); ++c) columns(c * kTaps + tap, at) = input(c, from);
  });
  return columns;
}

/// The transpose of to_columns().
Matrix from_columns(const Layer& layer, const Matrix& columns) {
  Matrix input = Matrix::Zero(layer.inputs, columns.cols());
  for_each_tap(images_of(layer, columns.cols()), layer.side, [&](Index at, Index from, int tap) {
    for (Index c = 0; c < input.rows(); ++c) input(c, from) += columns(c * kTaps + tap, at);
  });
  return input;
}

/// Maxima of 2 x 2 positions; `position` gets where in `input` (linear index) each one lies.
Matrix pool(const Matrix& input, int side, std::vector<Index>& position) {
  const Index half = side / 2;
  Matrix output(input.rows(), input.cols() / 4);
  position.resize(static_cast<std::size_t>(output.size()));
  for (Index p = 0; p < output.cols(); ++p) {
    const Index image = p / (half * half), y = p / half % half, x = p % half;
    const Index corner = (image * side + 2 * y) * side + 2 * x;
    for (Index c = 0; c < input.rows(); ++c) {
      Index best = corner;
      for (const Index other : {corner + 1, corner + side, corner + side + 1}) {
        if (input(c, other) > input(c, best)) best = other;
      }
      output(c, p) = input(c, best);
      position[static_cast<std::size_t>(p * input.rows() + c)] = best * input.rows() + c;
    }
  }
  return output;
}

Matrix unpool(const Matrix& gradient, const Trace& trace) {
  Matrix input = Matrix::Zero(trace.output.rows(), trace.output.cols());
  for (Index i = 0; i < gradient.size(); ++i) {
    input.data()[trace.position[static_cast<std::size_t>(i)]] = gradient.data()[i];
  }
  return input;
}

Matrix forward(const Layer& layer, Matrix input, bool relu, Trace& trace) {
  if (layer.side > 0) {
    trace.columns = to_columns(layer, input);
  } else {
    input.resize(layer.inputs, input.size() / layer.inputs);  // Keeps the values: (y, x, channel).
    trace.columns = std::move(input);
  }
  trace.output = (layer.weight * trace.columns).colwise() + layer.bias;
  if (relu) trace.output = trace.output.cwiseMax(0.0F);
  return layer.side > 0 ? pool(trace.output, layer.side, trace.position) : trace.output;
}

/// The gradient of a layer's input from that of its (pooled) output, and of the layer's weights.
Matrix backward(const Layer& layer, const Trace& trace, Matrix output_gradient, bool relu,
                Layer& gradient) {
  if (layer.side > 0) {
    output_gradient.resize(layer.weight.rows(), output_gradient.size() / layer.weight.rows());
    output_gradient = unpool(output_gradient, trace);
  }
  if (relu) output_gradient.array() *= (trace.output.array() > 0.0F).cast<float>();
  gradient.weight.noalias() = output_gradient * trace.columns.transpose();
  gradient.bias = output_gradient.rowwise().sum();
  Matrix columns = layer.weight.transpose() * output_gradient;
  return layer.side > 0 ? from_columns(layer, columns) : columns;
}

}  // namespace

Layer dense_layer(std::string name, int inputs, int outputs) {
  return make_layer(std::move(name), inputs, outputs, 0);
}

Network::Network() {
  layers_.push_back(make_layer("conv1", 1, 8, kSide));
  layers_.push_back(make_layer("conv2", 8, 16, kSide / 2));
  layers_.push_back(dense_layer("fc1", 16 * kPixels / 16, 64));
  layers_.push_back(dense_layer("fc2", 64, kClasses));
}

void Network::initialize(Random& random) {
  for (Layer& layer : layers_) {
    const float sigma = std::sqrt(2.0F / static_cast<float>(layer.weight.cols()));
    for (float& weight : layer.weight.reshaped<Eigen::RowMajor>()) weight = sigma * random.normal();
    layer.bias.setZero();
  }
}

Matrix Network::forward(Matrix values, std::vector<Trace>* traces) const {
  std::vector<Trace> own(layers_.size());
  std::vector<Trace>& used = traces != nullptr ? *traces : own;
  used.resize(layers_.size());
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    values = sample::forward(layers_[i], std::move(values), i + 1 < layers_.size(), used[i]);
  }
  return values;
}

Matrix Network::scores(std::span<const std::uint8_t> pixels, std::vector<Trace>* traces) const {
  Matrix values(1, static_cast<Index>(pixels.size()));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    values(0, static_cast<Index>(i)) = static_cast<float>(pixels[i]) / 255.0F;
  }
  return forward(std::move(values), traces);
}

void Network::backward(const std::vector<Trace>& traces, Matrix delta, Network& gradient) const {
  for (std::size_t i = layers_.size(); i-- > 0;) {
    delta = sample::backward(layers_[i], traces[i], std::move(delta), i + 1 < layers_.size(),
                             gradient.layers_[i]);
  }
}

}  // namespace wquant::sample
