#pragma once

#include <vector>

#include "quant/distribution.h"
#include "quant/family.h"
#include "quant/level_fit.h"
#include "wquant/quantize.h"

namespace wquant {

/// Whether weights that are 0 are to stay 0, where there are so many among `count`.
bool keeps_zeros(double zeros, double count, const TensorSettings& settings);
bool keeps_zeros(const Distribution& distribution, const TensorSettings& settings);
/// Whether one of the levels is for zeros.
bool has_zero(const Codebook& codebook);

/// The form for a whole tensor of that distribution, by a level alone.
ZeroForm zero_form(const Distribution& distribution, const TensorSettings& settings);

/// The form for a planned tensor, so many weights of which are 0: a mask where that is smaller.
ZeroForm zero_form(double zeros, const PlannedTensor& planned);
/// The same for its distribution.
ZeroForm zero_form(const Distribution& distribution, const PlannedTensor& planned);

/// Levels one of which is 0, for `found`, the best of the family, and `others`, the best of the
/// family for the weights that are not 0. Those that correlate most of two candidates: `found` with
/// 0 for the level that zeros have, and `others` with 0 in the place of one level, the two
/// neighbours that differ least being joined. Every weight gets the nearest level.
LevelFit with_zero_level(const Distribution& distribution, const LevelFit& found,
                         const LevelFit& others);

/// Levels beside a mask: `others`, the best of the family for the weights that are not 0, and 0. A
/// code of all of them fits a byte: where there are too many, two are joined as above. Every weight
/// gets the nearest level.
LevelFit with_masked_zeros(const Distribution& distribution, const LevelFit& others);

/// The code that weights of 0 get.
std::size_t code_of_zero(const LevelFit& found);

/// The levels that a file holds: beside a mask all but that of zeros, 2^bits of them, of which the
/// last are repeated.
std::vector<float> levels_to_store(const Codebook& codebook, int bits);

/// Bytes of all parts of a tensor with the codebook of its weights, see
/// PlannedTensor::estimated_bytes.
std::uint64_t stored_size(const PlannedTensor& planned, const Distribution& distribution,
                          const Codebook& codebook);

}  // namespace wquant
