#pragma once

#include <span>

#include "quant/distribution.h"
#include "wquant/codebook.h"
#include "wquant/picture.h"

namespace wquant {

/// The weights with the levels and thresholds of their codebook, without a curve. The range covers
/// all but a thousandth of the weights, and further out the outermost levels as long as they are
/// not too far.
TensorPicture picture_of(const Distribution& weights, const Codebook& codebook);

/// The same with the curve of x0, for a tensor that was fitted without scales.
TensorPicture picture_of(const Distribution& weights, const Codebook& codebook,
                         const TensorSettings& settings);

}  // namespace wquant
