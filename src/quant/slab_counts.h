#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "quant/distribution.h"
#include "quant/run_state.h"

namespace wquant {

/// The first pass over a tensor of several slabs, by several threads. Moments are put together in
/// the order of the slabs and counts are integers, so that it does not matter who did what.
class SlabCounts {
 public:
  SlabCounts(const RunState& run, std::size_t index);

  [[nodiscard]] double pivot() const { return pivot_; }

  /// Counts a slab in the table of `scratch`.
  void count(std::uint64_t slab, Scratch& scratch);
  /// Takes what was counted elsewhere: the moments of a slab, and sums by key.
  void add(std::uint64_t slab, const Moments& moments);
  void add(const KeySums& sums);
  /// Takes what is left in the table of a thread that has counted its last slab.
  void leave(Scratch& scratch);

  /// The distribution, once all slabs are counted and all threads have left. Refuses NaN and
  /// infinity.
  [[nodiscard]] Distribution distribution() const;

 private:
  const RunState run_;
  const std::size_t index_;
  const double pivot_;
  std::vector<Moments> moments_;  // By slab.
  std::mutex mutex_;              // Of sums_.
  KeySums sums_;
};

}  // namespace wquant
