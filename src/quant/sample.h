#pragma once

#include <optional>

#include "quant/distribution.h"
#include "quant/run_state.h"

namespace wquant {

/// True for a tensor so large that a codebook found on a sample of it will most likely do: then it
/// is encoded in the same read that counts its weights.
bool worth_sampling(const PlannedTensor& planned);

/// The distribution of a sample of a tensor: every n-th run of 1024 weights, n a prime number, so
/// that no row length falls into step with it. Nothing when a weight of it is not finite.
std::optional<Distribution> sample_distribution(const RunState& run, std::size_t index,
                                                double pivot);

}  // namespace wquant
