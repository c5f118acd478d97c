#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "formats/quantized_reader.h"
#include "wquant/measure.h"

namespace wquant {

/// A quantized file beside the model that it was made from.
struct Against {
  std::vector<std::size_t> tensors;      ///< Indices of the quantized ones.
  std::vector<MeasuredErrors> measured;  ///< By entry of the list.
  double largest_difference = 0;         ///< Of a measured rho from the stored one.
};

/// Measures every quantized tensor and compares every kept one. Throws Error for files that do not
/// hold the same tensors, and Error (limit) naming those whose figures are not what the quantized
/// file says, or that were not kept as they were.
Against check_against(const QuantizedReader& quantized, const std::string& file,
                      const std::string& original, const Talk& talk);

}  // namespace wquant
