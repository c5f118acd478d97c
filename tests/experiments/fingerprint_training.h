#pragma once

#include "fingerprint_task.h"

namespace wquant::sample {

/// One hidden layer with a ReLU between kFingerprintBits features and one value; all weights 0.
Network regression_network();

/// Weights drawn from the seed, the last bias the mean of the targets.
void start(Network& network, const Compounds& compounds, std::uint64_t seed);

/// Goes on with a network: Adam on the squared error, over the compounds so often. What is 0 in
/// `mask`, a network of zeros and ones, stays 0. The order of the compounds is the same in every
/// call.
void train(Network& network, const Network& mask, const Compounds& compounds, int epochs);

/// Mean of the squared errors.
double loss(const Network& network, const Compounds& compounds);

}  // namespace wquant::sample
