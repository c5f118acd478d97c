#pragma once

#include "memory_model.h"
#include "sample_images.h"
#include "sample_network.h"

namespace wquant::sample {

/// Adds the arrays NAME.weight and NAME.bias of every layer.
void fill(MemoryModel& model, const Network& network);
/// Adds the arrays images and labels.
void fill(MemoryModel& model, const ImageSet& set);

/// The way back from any format, into a network of the same layers. Throws Error where an array is
/// missing or has another shape.
void read_network(const ModelReader& model, Network& network);
Network read_network(const ModelReader& model);

/// A mask of a network: 1 where the model, one byte a weight, is not 0, and for the weights of
/// which it has nothing.
Network read_mask(const ModelReader& model, Network network);

ImageSet read_images(const ModelReader& model);

}  // namespace wquant::sample
