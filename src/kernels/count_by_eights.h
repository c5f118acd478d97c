#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/fetch_ahead.h"
#include "kernels/kernels.h"

namespace wquant {
namespace {

/// The bit patterns of two weights.
inline std::uint64_t load_pair(const LooseFloat* w) {
  std::uint64_t pair = 0;
  __builtin_memcpy(&pair, w, sizeof pair);
  return pair;
}

/// Counts both, see Kernels::count_keys.
inline void count_pair(std::uint64_t pair, std::uint64_t* table) {
  constexpr std::uint64_t kOne = std::uint64_t{1} << 40;
  const auto low = static_cast<std::uint32_t>(pair);
  table[low >> kKeyShift] += kOne + low;
  table[pair >> (32 + kKeyShift)] += kOne + (pair >> 32);
}

/// Kernels::add_moments, eight weights at a time by
///   Lanes lanes(sums, pivot), lanes.add(weights), lanes.store(sums)
/// and the rest by the scalar one. In an unnamed namespace: see scale_search.h.
template <typename Lanes>
void add_moments_by_eights(const LooseFloat* w, std::size_t n, double pivot, MomentSums* sums) {
  Lanes lanes(*sums, pivot);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    fetch_ahead(w + i);
    lanes.add(w + i);
  }
  lanes.store(sums);
  kScalarKernels.add_moments(w + i, n - i, pivot, sums);
}

/// The additions to memory limit the speed; the arithmetic of the moments hides behind them.
template <typename Lanes>
void count_eight(const LooseFloat* w, std::uint64_t* table, Lanes& lanes) {
  fetch_ahead(w);
  const std::uint64_t pairs[4] = {load_pair(w), load_pair(w + 2), load_pair(w + 4),
                                  load_pair(w + 6)};
  lanes.add(w);
  for (const std::uint64_t pair : pairs) count_pair(pair, table);
}

/// Kernels::count_keys, likewise.
template <typename Lanes>
void count_keys_by_eights(const LooseFloat* w, std::size_t n, std::uint64_t* table, double pivot,
                          MomentSums* sums) {
  Lanes lanes(*sums, pivot);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) count_eight(w + i, table, lanes);
  lanes.store(sums);
  kScalarKernels.count_keys(w + i, n - i, table, pivot, sums);
}

}  // namespace
}  // namespace wquant
