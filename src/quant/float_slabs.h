#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "quant/key_table.h"
#include "wquant/model.h"

namespace wquant {

/// Slab number `slab` of tensor `index` as float32.
struct SlabRange {
  std::uint64_t first = 0, count = 0;
};

/// How many slabs a tensor of `count` weights has, and where one lies.
inline std::uint64_t slab_count(std::uint64_t count) { return (count + kSlab - 1) / kSlab; }
inline SlabRange slab_range(std::uint64_t count, std::uint64_t slab) {
  const std::uint64_t first = slab * kSlab;
  return {first, std::min(kSlab, count - first)};
}

/// The weights of a range as float32: where they lie if the reader has them so in memory, else in
/// `scratch`.
inline WeightView floats_of(const ModelReader& model, std::size_t index, SlabRange range,
                            std::vector<float>& scratch) {
  const bool is_float = model.tensors()[index].dtype == Dtype::kF32;
  const std::span<const std::byte> whole =
      is_float ? model.view(index) : std::span<const std::byte>();
  if (!whole.empty()) {
    return {reinterpret_cast<const LooseFloat*>(whole.data()) + range.first, range.count};
  }
  scratch.resize(range.count);
  model.read_floats(index, range.first, scratch);
  return {scratch.data(), scratch.size()};
}

/// Calls f(first, weights) for the weights of a range as float32, in order, kBlock at a time; see
/// floats_of().
template <typename F>
void for_each_block(const ModelReader& model, std::size_t index, SlabRange range,
                    std::vector<float>& scratch, F&& f) {
  for (std::uint64_t done = 0; done < range.count; done += kBlock) {
    const std::uint64_t first = range.first + done;
    const std::uint64_t n = std::min(kBlock, range.count - done);
    f(first, floats_of(model, index, {first, n}, scratch));
  }
}

/// Tells the reader that the range has been read.
inline void release(const ModelReader& model, std::size_t index, SlabRange range) {
  const std::uint64_t size = size_of(model.tensors()[index].dtype);
  model.release(index, range.first * size, range.count * size);
}

}  // namespace wquant
