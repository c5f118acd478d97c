#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace wquant::bench {

/// Weights to measure coders with: one vector of float32 for each tensor.
struct WeightSet {
  std::string name;
  std::vector<std::vector<float>> tensors;
};

/// 2^22 Gaussian weights, 2^22 Laplace weights, and the tensors of two or more dimensions of each
/// model named. Throws Error where a model cannot be read.
std::vector<WeightSet> weight_sets(const std::vector<std::string>& models);

/// The tensors of two or more dimensions of a model. Throws Error where it cannot be read.
WeightSet read_weights(const std::string& path);

/// The codes of a tensor in equal intervals of `width` standard deviations, the middle one about
/// zero, at most 256 of them.
std::vector<std::uint8_t> linear_codes(const std::vector<float>& weights, double width);

}  // namespace wquant::bench
