#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wquant/quantize.h"

namespace wquant {

/// What a tensor costs in one form.
struct Choice {
  int bits = 0;                ///< 0: none, another coding than Coding::kFixed.
  std::uint64_t bytes = 0;     ///< Of all its parts, see stored_size().
  double error = 0;            ///< 1 - rho^2, the share of the variance that is lost.
  double weight = 1;           ///< Factor of the error, see TensorSettings::weight.
  std::size_t variant = 0;     ///< Of the plans, the one that it is from.
  double step = 0;             ///< TensorSettings::step of Coding::kEntropy.
  Dtype levels = Dtype::kF32;  ///< See PlannedTensor::levels.
  bool estimated = false;      ///< Bytes are no more than an estimate.

  /// What it adds to the sum that is to be least. Throws nothing.
  [[nodiscard]] double term() const { return weight * error; }
};

/// The choices of a tensor, by ascending bytes, then terms; empty for one that is kept.
using Ladder = std::vector<Choice>;

/// What levels may be stored as.
enum class LevelDtypes { kF32, kF32OrF16 };

/// Puts the choices of a ladder in that order. Throws nothing.
void sort(Ladder& ladder);

/// Reads the weights and tells what every number of bits would cost, tensor by tensor, in each of
/// the plans, which are of one model and differ in settings only. With scales the error is that of
/// a sample. A tensor whose bits a rule sets has those alone; a family may have fewer than 8.
/// Levels are F16, where that is left open, if they cost less than a thousandth of the error.
/// There is at least one plan. Throws Error naming the tensor for NaN and infinity, and where
/// reading fails; Error (interrupted) when RunOptions::stop is set.
std::vector<Ladder> survey(const ModelReader& model, std::span<const Plan> variants,
                           LevelDtypes levels, const RunOptions& options = {});

/// What every tensor gets.
struct Allocation {
  std::vector<std::optional<Choice>> choices;  ///< By tensor; none for one that is kept.
  std::uint64_t bytes = 0;                     ///< Of all parts.
  double error = 0;                            ///< Sum of the terms.
  double gap = 0;  ///< Proven: no allocation of so many bytes has a sum below error - gap.
};

/// The allocation with the least sum of terms that takes at most `bytes`: every tensor counts
/// once, however many weights it has. Greedy along the convex hulls of the ladders, which is
/// optimal but for the last step, then what still fits; the linear relaxation gives the gap
/// (Sinha, Zoltners: The multiple-choice knapsack problem, 1979). Throws Error (limit) naming the
/// least bytes when `bytes` are too few.
Allocation allocate(std::span<const Ladder> ladders, std::uint64_t bytes);

/// The best allocation of that kind in which all tensors with a choice have the same number of bits
/// and variant; nothing when none fits. Throws nothing.
std::optional<Allocation> uniform_allocation(std::span<const Ladder> ladders, std::uint64_t bytes);

}  // namespace wquant
