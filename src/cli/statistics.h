#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "wquant/model.h"

namespace wquant {

/// Statistics of a floating-point tensor. Numbers that are not finite are counted and otherwise
/// left out; with none left the four figures are 0.
struct Statistics {
  double min = 0, max = 0, mean = 0;
  double deviation = 0;  ///< Population standard deviation.
  std::uint64_t finite = 0, zeros = 0, nonfinite = 0;
};

/// Reads tensor `index`, which must be quantizable, in slabs of 1 MiB of float64 and calls f with
/// each. Throws Error, also when the user stops the program.
void for_each_slab(const ModelReader& model, std::size_t index,
                   const std::function<void(std::span<const double> slab)>& f);

/// Reads tensor `index` like for_each_slab().
Statistics tensor_statistics(const ModelReader& model, std::size_t index);

}  // namespace wquant
