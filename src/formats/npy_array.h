#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "formats/npy_header.h"

namespace wquant {

/// True when the data lie in the file as ModelReader::read() gives them.
bool is_native(const NpyHeader& header);

/// The part of ModelReader::read() that a .npy file needs: copies out.size() bytes from byte
/// `first` of the elements in C order, little-endian. `data` are all the bytes after the header,
/// aligned or not. Throws Error for a range outside the array.
void read_npy(const NpyHeader& header, std::span<const std::byte> data, std::uint64_t first,
              std::span<std::byte> out);

}  // namespace wquant
