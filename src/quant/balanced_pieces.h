#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/balance.h"
#include "quant/distribution.h"
#include "quant/encoder.h"
#include "quant/run_state.h"

namespace wquant {

/// Encoding a tensor whose codes are balanced: piece by piece, each of whole output channels.

/// Number of pieces of a planned tensor.
std::uint64_t balanced_pieces(const PlannedTensor& planned);

/// Encodes a piece into the sink, by thresholds first, and balances it. Needs memory for the
/// piece's codes and, where they do not lie in memory as float32, its weights.
BalanceTally encode_balanced_piece(const RunState& run, std::size_t index, std::uint64_t piece,
                                   const Encoder& encoder);

/// Makes the report one of the balanced codes; the tallies are those of all pieces.
void report_balance(const RunState& run, std::size_t index, const Distribution& weights,
                    std::span<const BalanceTally> tallies);

/// All pieces, one after the other, and the report.
void encode_balanced(const RunState& run, std::size_t index, const Encoder& encoder,
                     const Distribution& weights);

}  // namespace wquant
