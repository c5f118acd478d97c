#pragma once

#include <cstdint>

#include "quant/run_state.h"
#include "quant/slab_counts.h"

namespace wquant {

/// True for a tensor so large that a codebook found on a sample of it will most likely do: then it
/// is encoded in the same read that counts its weights.
bool worth_sampling(const PlannedTensor& planned);

/// The sample of a tensor is every n-th run of 1024 weights, n a prime number, so that no row
/// length falls into step with it. Threads share its parts.
std::uint64_t sample_parts(const PlannedTensor& planned);
/// Counts one of them; its moments are those of slab number `part`.
void count_sample(const RunState& run, std::size_t index, std::uint64_t part, SlabCounts& counts,
                  Scratch& scratch);

}  // namespace wquant
