#pragma once

#include <cmath>
#include <cstdint>
#include <string>
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

/// Settings of a mode with that many bits, all levels the family's own.
inline TensorSettings settings_of(const std::string& mode, int bits,
                                  Rescale rescale = Rescale::kNone) {
  TensorSettings settings;
  wquant::apply(settings, "mode=" + mode);
  settings.bits = bits;
  settings.zero = Zero::kOff;
  settings.rescale = rescale;
  return settings;
}

/// Sum of (w - q)^2.
inline double squared_error(const std::vector<float>& layer, const std::vector<double>& q) {
  double sum = 0;
  for (std::size_t i = 0; i < q.size(); ++i) sum += std::pow(q[i] - double{layer[i]}, 2);
  return sum;
}

/// Sum of w^2.
inline double power(const std::vector<float>& layer) {
  double sum = 0;
  for (const float w : layer) sum += double{w} * double{w};
  return sum;
}

}  // namespace wquant::testing_layers
