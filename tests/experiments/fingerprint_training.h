#pragma once

#include "fingerprint_task.h"

namespace wquant::sample {

/// One hidden layer with a ReLU between kFingerprintBits features and one value; all weights 0.
Network regression_network();

/// A network of the same layers whose weights are all 1: a mask that keeps everything.
Network whole(Network network);

/// A network that learned the compounds by heart, from weights that are drawn from the seed.
Network first_network(const Compounds& compounds, std::uint64_t seed);

/// Goes on with a network: a few epochs of Adam on the squared error. Weights that are 0 in `mask`,
/// a network of zeros and ones, stay 0. The compounds come in the same order in every call.
void train(Network& network, const Network& mask, const Compounds& compounds);

/// Mean of the squared errors.
double loss(const Network& network, const Compounds& compounds);

}  // namespace wquant::sample
