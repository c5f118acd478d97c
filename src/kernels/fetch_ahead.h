#pragma once

#include "kernels/kernels.h"

namespace wquant {
namespace {

/// Weights that are asked for before those that are read: 4 KiB, because what the machine fetches
/// by itself ends with the page.
inline constexpr std::size_t kAhead = 1024;

/// Tells the memory that the weights kAhead behind `w` will be read. They need not exist.
inline void fetch_ahead(const LooseFloat* w) { __builtin_prefetch(w + kAhead); }

}  // namespace
}  // namespace wquant
