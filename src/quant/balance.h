#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "quant/code_statistics.h"
#include "wquant/codebook.h"

namespace wquant {

/// What balancing did to some channels.
struct BalanceTally {
  std::vector<CodeShare> gained;  ///< By code; weights that it lost count below zero.
  std::uint64_t moved = 0;
  double largest_sum_before = 0, largest_sum_after = 0;  ///< Of a channel's errors, |sum|.
  double max_error = 0;                                  ///< Largest |level - weight| afterwards.

  /// Adds that of further channels.
  void add(const BalanceTally& other);
};

/// Brings sums of errors e = level - weight near zero.
///
/// A layer adds up weights times inputs. Inputs with a mean mu (after a ReLU it is positive) turn
/// the errors of an output channel into a shift of mu times their sum, which nearest levels do not
/// control. So, while it lowers the |sum| of a set, the weight that costs least is moved to the
/// next level on the other side of it: by d with e d < 0, at ((e + d)^2 - e^2) / |d| = |d| - 2 |e|
/// of squared error for each unit that the sum moves. No weight moves twice, so none ends farther
/// than one level from where it was. First the kernels are such sets, then the channel.
///
/// The inputs of a kernel are neighbours in one image, alike but not equal, so a kernel's sum does
/// not count for all: what counts is sum e^2 + kKernelWeight (sum e)^2, and a weight of a kernel
/// moves only where that falls.
///
/// For uniform grids: C. Guo et al., SQuant: On-the-Fly Data-Free Quantization via Diagonal Hessian
/// Approximation, ICLR 2022. Time O(n) for a channel of n weights and some log n for each that
/// moves.
class Balancer {
 public:
  /// `kernel` weights, one after the other, are a kernel; 1: there are none.
  Balancer(const Codebook& codebook, std::uint64_t kernel);

  /// Changes the codes of one channel and adds to the tally what that did. Where there are scales,
  /// each weight's levels are times its own.
  void balance(WeightView channel, std::uint8_t* codes, const float* scales, BalanceTally& tally);

  /// Beside that of the squared errors, what the square of the sum of a kernel's errors counts.
  static constexpr float kKernelWeight = 2.5F;

 private:
  /// No weight.
  static constexpr auto kNone = static_cast<std::size_t>(-1);

  /// Weights whose sum of errors is brought near zero by moves that Kernels::move_in_kernels would
  /// allow.
  struct Set {
    std::size_t first = 0, size = 0;
    double sum = 0;
    float pull = 1;
  };

  /// The weights of a set that can be moved so that its sum moves in one direction, the cheapest
  /// first, of equal costs the first weight; found when they are needed.
  struct Queue {
    std::vector<std::uint64_t> candidates;  // See candidate().
    std::size_t next = 0;
    float reached = 0;  // All that cost no more have been found; 0: none yet.
  };

  /// What is done to a channel.
  struct Channel {
    WeightView weights;
    std::uint8_t* codes;
    BalanceTally& tally;
  };

  /// Returns the sum of the errors.
  double load(WeightView channel, const std::uint8_t* codes, const float* scales);
  /// Returns what this adds to the sum of the channel, as the next two do.
  double balance_kernels(const Channel& channel);
  double balance_small_kernels(const Channel& channel);
  double balance_set(Set set, const Channel& channel);
  /// The weight whose move is the cheapest that is allowed, or kNone.
  std::size_t next(const Set& set);
  void search(const Set& set, Queue& queue);
  [[nodiscard]] float cost(std::size_t i) const;
  [[nodiscard]] float max_error() const;
  /// The weight gets its new code.
  static void count_move(const Channel& channel, MovedWeight moved);

  const Codebook& codebook_;
  std::uint64_t kernel_;
  float least_step_ = 0;  // Of all moves of the channel.
  std::array<Queue, 2> queues_;
  std::vector<float> errors_, steps_;  // Of the channel, see Moves.
  std::vector<MovedWeight> moved_;     // Of some kernels.
  std::vector<std::uint32_t> found_;   // Of search().
};

}  // namespace wquant
