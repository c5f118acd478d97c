#pragma once

#include <cstdint>

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

}  // namespace
}  // namespace wquant
