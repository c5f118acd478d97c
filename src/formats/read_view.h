#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wquant/model.h"

namespace wquant {

/// ModelReader::read() for a reader whose view() has every tensor. Throws Error naming tensor and
/// file for a range that lies outside.
void read_view(const ModelReader& model, std::size_t index, std::uint64_t first,
               std::span<std::byte> out);

/// Throws Error naming tensor and file unless [first, first + size) lies within the tensor.
void check_range(const ModelReader& model, std::size_t index, std::uint64_t first,
                 std::uint64_t size);

}  // namespace wquant
