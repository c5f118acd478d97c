#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "wquant/model.h"

namespace wquant {

/// Weights a slab: a multiple of 8, so that slabs meet at byte borders of the packed codes. Sums
/// are formed slab by slab, so the bytes of the output depend on it.
inline constexpr std::uint64_t kSlab = std::uint64_t{1} << 18;

/// Calls f(first, weights) for every slab of the tensor, in order; first is the index of
/// weights[0].
template <typename F>
void for_each_float_slab(const ModelReader& model, std::size_t index, F&& f) {
  const TensorInfo& info = model.tensors()[index];
  const std::uint64_t count = info.count();
  const std::uint64_t size = size_of(info.dtype);
  std::vector<float> slab(std::min(count, kSlab));
  for (std::uint64_t first = 0; first < count; first += kSlab) {
    const std::uint64_t n = std::min(kSlab, count - first);
    const std::span<float> weights = std::span(slab).first(n);
    model.read_floats(index, first, weights);
    f(first, std::span<const float>(weights));
    model.release(index, first * size, n * size);
  }
}

}  // namespace wquant
