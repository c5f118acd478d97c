#pragma once

#include "sample_network.h"

namespace wquant::sample {

/// Adam (Kingma and Ba, 2015): the moments of every parameter of a network.
class Adam {
 public:
  explicit Adam(const Network& network);

  /// Moves the weights against the gradient, which has the network's layers.
  void step(Network& network, const Network& gradient, float rate);

 private:
  Network mean_, square_;
  int steps_ = 0;
};

/// A rate that falls to 0 as half a cosine, where `done` of the training (0 to 1) is over.
float cosine_rate(float rate, float done);

}  // namespace wquant::sample
