#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/kernels.h"

namespace wquant {

/// The weights of one histogram key: how many, and the sum of what their bit patterns exceed the
/// smallest one of the key by. Both are integers, so no order of adding changes them.
struct KeySum {
  std::uint32_t key = 0;
  std::uint64_t count = 0;
  std::uint64_t residual = 0;
};

/// By key, ascending; keys without weights are left out.
using KeySums = std::vector<KeySum>;

/// Sums of w - pivot and its square over some weights, formed block by block.
struct Moments {
  double d = 0;
  double d2 = 0;

  Moments& operator+=(const Moments& other) {
    d += other.d;
    d2 += other.d2;
    return *this;
  }
};

/// Weights that are read and summed at a time: they stay in the caches. Sums are formed block by
/// block, so the bytes of the output depend on it.
inline constexpr std::uint64_t kBlock = std::uint64_t{1} << 14;
/// Weights a slab, what a thread does at a time: a multiple of kBlock, and of 8, so that slabs meet
/// at byte borders of the packed codes.
inline constexpr std::uint64_t kSlab = std::uint64_t{1} << 18;

/// The table that one thread counts keys in.
class KeyTable {
 public:
  KeyTable();
  /// Counts one block, at most kKeyFlush weights, moving the table to `sums` when it is full.
  Moments add(WeightView weights, double pivot, KeySums& sums);
  /// Moves what was counted to `sums`.
  void drain(KeySums& sums);

 private:
  struct Free {
    void operator()(std::uint64_t* table) const;
  };
  std::unique_ptr<std::uint64_t[], Free> table_;
  std::uint64_t counted_ = 0;
};

/// Adds `more` to `sums`.
void merge(KeySums& sums, const KeySums& more);

/// Of a slab, without counting keys.
Moments moments_of(WeightView weights, double pivot);

/// The pivot of a tensor: the mean of its first weights; 0 when that is not finite.
double pivot_of(WeightView head);

/// Weights that pivot_of() is given.
inline constexpr std::size_t kPivotWeights = 4096;

}  // namespace wquant
