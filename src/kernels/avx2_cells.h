#pragma once

#include "kernels/kernels.h"

/// The kernels for cells with scales, see Kernels.
namespace wquant::avx2 {

void multiply(const LooseFloat* in, std::size_t n, float factor, float* out);
void add_errors(const LooseFloat* w, const float* q, std::size_t n, float pivot, ErrorLanes* lanes);
void find_scales(const LooseFloat* w, std::size_t run, std::size_t cells, const ScaleSearch& search,
                 FoundScale* found);

}  // namespace wquant::avx2
