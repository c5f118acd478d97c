#pragma once

#include <cstdint>
#include <vector>

#include "wquant/codebook.h"

namespace wquant::testing_layers {

/// What the weights become, by way of their packed codes.
inline std::vector<double> quantized(const std::vector<float>& layer, const Codebook& book) {
  std::vector<std::uint8_t> packed(packed_size(layer.size(), book.bits));
  encode(layer, book, packed);
  std::vector<float> out(layer.size());
  decode(packed, 0, book.bits, book.levels, out);
  return {out.begin(), out.end()};
}

}  // namespace wquant::testing_layers
