#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <utility>

namespace wquant::sample {

/// Random numbers that are the same everywhere: the standard fixes its engines, not its
/// distributions.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// In [low, high).
  float uniform(float low, float high) {
    const auto unit = static_cast<double>(engine_() >> 11) * 0x1p-53;
    return low + static_cast<float>(unit) * (high - low);
  }
  /// Of mean 0 and variance 1, nearly Gaussian: the sum of twelve uniform numbers.
  float normal() {
    float sum = 0;
    for (int i = 0; i < 12; ++i) sum += uniform(-0.5F, 0.5F);
    return sum;
  }
  /// In [0, count).
  std::uint64_t below(std::uint64_t count) { return engine_() % count; }

  void shuffle(std::span<std::size_t> order) {
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace wquant::sample
