#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "wquant/quantize.h"

namespace wquant {

/// What a tensor costs with one number of bits.
struct BitChoice {
  int bits = 0;
  std::uint64_t bytes = 0;  ///< Of all its parts, see stored_size().
  double error = 0;         ///< 1 - rho^2, the share of the variance that is lost.
};

/// The choices of a tensor, by ascending bits; empty for one that is kept.
using BitLadder = std::vector<BitChoice>;

/// Reads the weights once and tells what every number of bits would cost, tensor by tensor of the
/// plan. A tensor whose bits a rule sets has that choice alone; a family may have fewer than
/// 8. Throws Error naming the tensor.
std::vector<BitLadder> survey_bits(const ModelReader& model, const Plan& plan,
                                   const RunOptions& options = {});

/// How many bits every tensor gets.
struct BitAllocation {
  std::vector<int> bits;    ///< By tensor; 0 for one that is kept.
  std::uint64_t bytes = 0;  ///< Of all parts.
  double error = 0;         ///< Sum over tensors of 1 - rho^2.
  double gap = 0;           ///< Proven: no allocation of so many bytes has a sum below error - gap.
};

/// The allocation with the least sum of errors that takes at most `bytes`: every tensor counts
/// once, however many weights it has. Greedy along the convex hulls of the ladders, which is
/// optimal but for the last step, then what still fits; the linear relaxation gives the gap
/// (Sinha, Zoltners: The multiple-choice knapsack problem, 1979). Throws Error (limit) naming the
/// least bytes when `bytes` are too few.
BitAllocation allocate_bits(std::span<const BitLadder> ladders, std::uint64_t bytes);

/// The best allocation of that kind in which all tensors with a choice have the same bits; bits is
/// empty when none fits.
BitAllocation uniform_bits(std::span<const BitLadder> ladders, std::uint64_t bytes);

}  // namespace wquant
