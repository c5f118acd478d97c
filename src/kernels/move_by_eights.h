#pragma once

#include <cstddef>

#include "kernels/kernels.h"

namespace wquant {
namespace {

/// Kernels::move_in_kernels, kSideBySide kernels at a time by
///   Lanes(size, pull, moves of them).move_all(index of their first weight, moved)
/// and the rest by the scalar one. In an unnamed namespace: see scale_search.h.
template <typename Lanes>
std::size_t move_by_eights(std::size_t size, std::size_t count, float pull, const Moves& moves,
                           MovedWeight* moved) {
  std::size_t all = 0;
  std::size_t k = 0;
  for (; k + kSideBySide <= count; k += kSideBySide) {
    const std::size_t first = k * size;
    Lanes lanes(size, pull, {moves.errors + first, moves.steps + first});
    all += lanes.move_all(first, moved + all);
  }
  const std::size_t first = k * size;
  const std::size_t rest = kScalarKernels.move_in_kernels(
      size, count - k, pull, {moves.errors + first, moves.steps + first}, moved + all);
  for (std::size_t i = 0; i < rest; ++i) {
    moved[all + i].index += static_cast<std::uint32_t>(first);
  }
  return all + rest;
}

}  // namespace
}  // namespace wquant
