#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wquant/quantize.h"

namespace wquant {

/// Checks a stored part, elements of `dtype`, of a tensor of `count` weights of `bits` bits: levels
/// are finite and ascend, scales are finite and not negative, bits that belong to no code are 0.
/// Throws Error.
void check_part(Part part, Dtype dtype, std::span<const std::byte> bytes, std::uint64_t count,
                int bits);

/// Levels that are stored as `dtype`, F32 or F16.
std::vector<float> stored_levels(Dtype dtype, std::span<const std::byte> bytes);

/// Whether so many cells and their run divide so many weights.
bool divides(const CellPlan& cells, std::uint64_t weights);

/// Multiplies levels of weights from `first` on by the scales (F16) of their cells.
void apply_scales(const CellPlan& cells, std::span<const std::byte> halves, std::uint64_t first,
                  std::span<float> levels);

}  // namespace wquant
