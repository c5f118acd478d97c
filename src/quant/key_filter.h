#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "quant/distribution.h"
#include "quant/magnitude_marks.h"

namespace wquant {

/// Takes the weights of marked keys out of all, and few others: those are looked at no more. Where
/// most are marked, all pass.
class KeyFilter {
 public:
  /// All pass.
  KeyFilter() = default;
  /// The distribution is that of the weights.
  KeyFilter(const MagnitudeMarks& marks, const Distribution& distribution);

  /// Calls f(some) with views of some of the weights, all of marked keys among them, in their
  /// order.
  template <typename F>
  void pass(WeightView weights, F&& f) const {
    if (flags_.empty()) return f(weights);
    std::array<float, kStep> room;
    for (std::size_t first = 0; first < weights.size; first += kStep) {
      const std::size_t size = std::min(kStep, weights.size - first);
      f(pass_step(weights.part(first, size), room.data()));
    }
  }

 private:
  static constexpr std::size_t kStep = 4096;
  WeightView pass_step(WeightView weights, float* room) const;

  std::vector<std::uint8_t> flags_;  // By key; empty where all pass.
  bool has_edges_ = false;
  std::array<float, kWantedEdges> edges_ = {};
};

}  // namespace wquant
