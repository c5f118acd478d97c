#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wquant/dtype.h"
#include "wquant/model.h"

namespace wquant {

/// What the header of a .npy file says. Versions 1.0, 2.0 and 3.0 differ only in the width of the
/// length word and in the encoding of the text, which is ASCII for every type read here.
struct NpyHeader {
  std::vector<std::uint64_t> shape;
  Dtype dtype = Dtype::kF32;
  bool big_endian = false;     ///< False for types of one byte.
  bool fortran_order = false;  ///< Only where it differs from C order.
  std::uint64_t data_begin = 0;

  [[nodiscard]] bool operator==(const NpyHeader&) const = default;
};

/// No header of a numeric array is longer: more bytes of a file need not be at hand to parse it.
inline constexpr std::size_t kMaxNpyHeader = std::size_t{64} << 10;

/// True for bytes that begin like a .npy file.
bool is_npy(std::string_view head);

/// Parses the header at the front of a .npy file of `size` bytes of which `head` holds the first
/// kMaxNpyHeader (or all). Throws Error for whatever is not plain numbers, and when `size` is not
/// exactly what the header calls for.
NpyHeader parse_npy_header(std::span<const std::byte> head, std::uint64_t size);

/// A header of version 1.0, byte for byte what NumPy writes for the array in C order. Throws Error
/// for a dtype that NumPy does not have.
std::string make_npy_header(const TensorInfo& info);

}  // namespace wquant
