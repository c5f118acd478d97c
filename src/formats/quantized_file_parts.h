#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wquant/quantize.h"

namespace wquant {

/// Checks a stored part of a tensor of `count` weights of `bits` bits: levels are finite and
/// ascend, bits that belong to no code are 0. Throws Error.
void check_part(Part part, std::span<const std::byte> bytes, std::uint64_t count, int bits);

}  // namespace wquant
