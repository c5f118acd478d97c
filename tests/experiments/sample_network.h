#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "random.h"

namespace wquant::sample {

/// Activations: one column a position (of one image), one row a channel.
using Matrix = Eigen::MatrixXf;
/// Weights: one row an output channel, in C order.
using Weights = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A 3 x 3 convolution with padding (side > 0) that a 2 x 2 maximum pool follows, or a dense layer
/// (side = 0).
struct Layer {
  std::string name;
  int inputs = 0;  ///< Channels of a convolution, values of a dense layer.
  int side = 0;    ///< Of the square image that a convolution sees.
  Weights weight;  ///< outputs x inputs * 9 or outputs x inputs.
  Eigen::VectorXf bias;
};

/// What the way back through a layer needs.
struct Trace {
  Matrix columns;                      ///< What the weights were multiplied by.
  Matrix output;                       ///< Before the pool, after the ReLU.
  std::vector<Eigen::Index> position;  ///< Of each pooled value's maximum in `output`.
};

/// A dense layer whose weights are all 0.
Layer dense_layer(std::string name, int inputs, int outputs);

/// Layers one after the other, a ReLU after each but the last.
class Network {
 public:
  /// conv1, conv2, fc1, fc2, which classify digits: 18,346 parameters, all 0.
  Network();
  explicit Network(std::vector<Layer> layers) : layers_(std::move(layers)) {}

  std::vector<Layer>& layers() { return layers_; }
  [[nodiscard]] const std::vector<Layer>& layers() const { return layers_; }

  /// Draws the weights as He et al. (2015) propose.
  void initialize(Random& random);

  /// What the last layer makes of the inputs, one column a position or a sample. Fills `traces`,
  /// one a layer, where it is given.
  [[nodiscard]] Matrix forward(Matrix values, std::vector<Trace>* traces = nullptr) const;

  /// Class scores, one column an image, of kPixels bytes an image.
  [[nodiscard]] Matrix scores(std::span<const std::uint8_t> pixels,
                              std::vector<Trace>* traces = nullptr) const;

  /// The gradient of all weights from that of the outputs and the traces of the way there, into a
  /// network of the same layers.
  void backward(const std::vector<Trace>& traces, Matrix delta, Network& gradient) const;

 private:
  std::vector<Layer> layers_;
};

}  // namespace wquant::sample
