#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace wquant {

/// Element types that a tensor can have in memory, by the names that safetensors gives them.
/// Elements are little-endian. A bool is one byte, 0 or 1. C64 is two F32.
enum class Dtype : std::uint8_t {
  kBool,
  kU8,
  kI8,
  kF8E4M3,
  kF8E5M2,
  kU16,
  kI16,
  kF16,
  kBF16,
  kU32,
  kI32,
  kF32,
  kU64,
  kI64,
  kF64,
  kC64,
};

/// Size of one element in bytes. Throws nothing.
[[nodiscard]] std::size_t size_of(Dtype dtype);
/// "F32", "BF16", ... Throws nothing.
[[nodiscard]] std::string_view name_of(Dtype dtype);
/// The dtype of that name; nothing when there is none. Throws nothing.
[[nodiscard]] std::optional<Dtype> dtype_from_name(std::string_view name);
/// True for the types that can be quantized: F64, F32, F16, BF16. Throws nothing.
[[nodiscard]] bool is_quantizable(Dtype dtype);

}  // namespace wquant
