#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "quant/balance.h"
#include "quant/distribution.h"
#include "quant/encoder.h"
#include "quant/float_slabs.h"
#include "quant/run_state.h"

namespace wquant {

/// Encoding a tensor whose codes are balanced: piece by piece, each of whole output channels.

/// Number of pieces of a planned tensor.
std::uint64_t balanced_pieces(const PlannedTensor& planned);

/// Where a piece lies.
SlabRange balanced_piece(const PlannedTensor& planned, std::uint64_t piece);

/// Balances the codes of a piece that begins at weight `first`; `scales` by cell are empty where
/// there are none.
BalanceTally balance_piece(const PlannedTensor& planned, const Codebook& codebook,
                           std::span<const float> scales, std::uint64_t first, WeightView weights,
                           std::uint8_t* codes);

/// Packs the codes of a piece into the sink, and is done with its weights.
void write_piece(const RunState& run, std::size_t index, SlabRange range,
                 std::span<const std::uint8_t> codes);

/// Finds the codes of a piece by thresholds, a byte each.
using PieceEncoder = std::function<void(WeightView piece, std::uint8_t* codes)>;

/// Encodes a piece into the sink and balances it for the levels of the codebook. Needs memory for
/// the piece's codes and, where they do not lie in memory as float32, its weights.
BalanceTally encode_balanced_piece(const RunState& run, std::size_t index, std::uint64_t piece,
                                   const Codebook& codebook, const PieceEncoder& encode);

/// Makes the report one of the balanced codes; the tallies are those of all pieces.
void report_balance(const RunState& run, std::size_t index, const Distribution& weights,
                    std::span<const BalanceTally> tallies);

/// All pieces, one after the other, and the report.
void encode_balanced(const RunState& run, std::size_t index, const Encoder& encoder,
                     const Distribution& weights);

}  // namespace wquant
