#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/meter.h"
#include "wquant/model.h"

namespace wquant {

/// Bytes of all tensors together.
std::uint64_t total_bytes(const ModelReader& model);

/// Calls `use` with the bytes of the tensor piece by piece, in order: whole elements, about 1 MiB.
/// The meter counts them once they are used.
void for_each_slab(const ModelReader& model, std::size_t index, Meter& meter,
                   const std::function<void(std::span<const std::byte>)>& use);

}  // namespace wquant
