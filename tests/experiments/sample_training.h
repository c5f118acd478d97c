#pragma once

#include "sample_images.h"
#include "sample_network.h"

namespace wquant::sample {

/// Trains a network from scratch on one thread: Adam (Kingma and Ba, 2015) on the cross entropy,
/// the rate falling to 0 as half a cosine. Prints a line an epoch on stderr.
Network train(const ImageSet& images, std::uint64_t seed);

/// Percent of the images whose largest score is that of their label.
double accuracy(const Network& network, const ImageSet& images);

}  // namespace wquant::sample
