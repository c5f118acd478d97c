#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace wquant::testing_kernels {

/// Finite weights whose squares are finite too.
inline std::vector<float> squarable(std::vector<float> values) {
  for (float& w : values) w = std::clamp(w, -1e6F, 1e6F);
  return values;
}

/// Calls f(data, n) for every length, the data at an odd address.
template <typename F>
void for_every_length(const std::vector<float>& values, F&& f) {
  std::vector<char> bytes(values.size() * sizeof(float) + 1);
  std::memcpy(bytes.data() + 1, values.data(), values.size() * sizeof(float));
  const auto* data = reinterpret_cast<const LooseFloat*>(bytes.data() + 1);
  for (std::size_t n = 0; n <= values.size(); ++n) f(data, n);
}

/// Every implementation against the scalar one, at every length and at addresses of any alignment.
class KernelTest : public testing::TestWithParam<const Kernels*> {
 protected:
  static constexpr std::size_t kLongest = 300;

  [[nodiscard]] const Kernels& fast() const { return *GetParam(); }

  /// Ordinary weights with special values among them.
  static std::vector<float> weights(bool finite) {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    const std::array<float, 12> special = {0.0F,
                                           -0.0F,
                                           std::numeric_limits<float>::denorm_min(),
                                           -std::numeric_limits<float>::denorm_min(),
                                           std::numeric_limits<float>::min(),
                                           std::numeric_limits<float>::max(),
                                           std::numeric_limits<float>::lowest(),
                                           1.0F,
                                           -1.0F,
                                           finite ? 2.0F : kInf,
                                           finite ? -2.0F : -kInf,
                                           finite ? 3.0F : std::numeric_limits<float>::quiet_NaN()};
    std::mt19937 random(11);
    std::normal_distribution<float> normal;
    std::vector<float> values(kLongest);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = i % 5 == 3 ? special[i / 5 % special.size()] : normal(random);
    }
    return values;
  }

  static std::vector<std::uint8_t> codes(int bits) {
    std::mt19937 random(7);
    std::vector<std::uint8_t> values(kLongest);
    for (auto& code : values) code = static_cast<std::uint8_t>(random() & ((1U << bits) - 1));
    return values;
  }

  /// Calls f(data, n) for weights whose squares are finite, and for such as are too large or no
  /// numbers.
  template <typename F>
  static void for_every_length_of_both(F&& f) {
    for_every_length(squarable(weights(true)), f);
    for_every_length(weights(false), f);
  }

  /// 2^bits - 1 ascending thresholds, then infinity.
  static std::vector<float> thresholds(int bits) {
    std::vector<float> t;
    const int half = 1 << (bits - 1);
    for (int k = 1 - half; k < half; ++k)
      t.push_back(static_cast<float>(k) * 2.5F / static_cast<float>(half));
    t.push_back(std::numeric_limits<float>::infinity());
    return t;
  }
};

/// All implementations that this machine runs.
inline auto all_kernels() {
  const KernelList list = runnable_kernels();
  return testing::ValuesIn(std::vector<const Kernels*>(list.begin, list.begin + list.size));
}

inline std::string name_of(const testing::TestParamInfo<const Kernels*>& suite) {
  return suite.param->name;
}

}  // namespace wquant::testing_kernels
