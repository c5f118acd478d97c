#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace wquant {

/// How the elements of a tensor lie in memory: element (i, j, ..) begins at
/// (i * strides[0] + j * strides[1] + ..) * element bytes.
struct StridedLayout {
  std::size_t element = 1;  ///< Bytes.
  std::vector<std::uint64_t> shape, strides;

  /// True when the elements lie one after the other in C order.
  [[nodiscard]] bool is_contiguous() const;
  /// How many elements the memory needs at least; 0 for a tensor without elements. Throws Error
  /// when that exceeds `limit`.
  [[nodiscard]] std::uint64_t span(std::uint64_t limit) const;
};

/// Copies bytes [first, first + out.size()) of the elements in C order. `data` begins at the first
/// element, and all elements and the range lie within it.
void read_strided(const StridedLayout& layout, std::span<const std::byte> data, std::uint64_t first,
                  std::span<std::byte> out);

}  // namespace wquant
