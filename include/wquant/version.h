#pragma once

#include <string_view>

namespace wquant {

/// Version of the library, "MAJOR.MINOR.PATCH". Throws nothing.
std::string_view version();

/// Name of the inner loops that run on this machine: "avx2", "neon", "scalar". The environment
/// variable WQUANT_KERNELS chooses others, with the same results. Throws Error (usage) when it
/// names none.
std::string_view kernels_in_use();

}  // namespace wquant
