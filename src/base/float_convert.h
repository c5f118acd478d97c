#pragma once

#include <cstddef>
#include <span>

#include "wquant/dtype.h"

namespace wquant {

/// `bytes` holds out.size() elements of a quantizable `dtype`; out gets them as float32 (F64 to the
/// nearest; F16, BF16 and F32 exactly).
void to_floats(Dtype dtype, std::span<const std::byte> bytes, std::span<float> out);

/// The way back: `bytes` gets `values` as elements of `dtype`, rounded to nearest even.
void from_floats(Dtype dtype, std::span<const float> values, std::span<std::byte> bytes);

}  // namespace wquant
