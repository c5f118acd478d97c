#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wquant/dtype.h"

namespace wquant {

/// An element type of GGUF files.
struct GgufType {
  std::uint32_t code;
  std::string_view name;
  Dtype dtype;            ///< As which it is read.
  std::size_t block = 1;  ///< Elements that are stored together.
  std::size_t bytes = 1;  ///< Of a block.
  /// Turns one block into floats; null where the elements are stored as they are read.
  void (*decode)(const std::byte* block, float* out) = nullptr;
};

/// Elements of a block of every type that is decoded.
inline constexpr std::size_t kGgufBlock = 32;

/// The type of that code. Throws Error for one that is not read.
const GgufType& gguf_type(std::uint32_t code);

}  // namespace wquant
