#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace wquant {
namespace {

/// Four weights, at any address.
inline float32x4_t load(const LooseFloat* w) {
  return vreinterpretq_f32_u8(vld1q_u8(reinterpret_cast<const std::uint8_t*>(w)));
}

/// Eight codes.
inline uint32x4x2_t load_codes(const std::uint8_t* codes) {
  const uint16x8_t wide = vmovl_u8(vld1_u8(codes));
  return {{vmovl_u16(vget_low_u16(wide)), vmovl_high_u16(wide)}};
}

/// a < b ? a : b, and a > b ? a : b: where one of them is NaN, b.
inline float32x4_t smaller(float32x4_t a, float32x4_t b) {
  return vbslq_f32(vcltq_f32(a, b), a, b);
}
inline float32x4_t larger(float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }

/// 4, 8 or 16 floats that lie in registers.
template <std::size_t kSize>
class FloatTable {
 public:
  FloatTable() = default;
  explicit FloatTable(const float* floats) {
    for (std::size_t i = 0; i < kSize / 4; ++i) {
      parts_.val[i] = vreinterpretq_u8_f32(vld1q_f32(floats + 4 * i));
    }
  }

  /// Those of four indices.
  [[nodiscard]] float32x4_t get(uint32x4_t indices) const {
    const uint32x4_t bytes = vmlaq_u32(vdupq_n_u32(0x03020100), indices, vdupq_n_u32(0x04040404));
    return vreinterpretq_f32_u8(get_bytes(vreinterpretq_u8_u32(bytes)));
  }

 private:
  [[nodiscard]] uint8x16_t get_bytes(uint8x16_t indices) const {
    if constexpr (kSize == 4) {
      return vqtbl1q_u8(parts_.val[0], indices);
    } else if constexpr (kSize == 8) {
      return vqtbl2q_u8({{parts_.val[0], parts_.val[1]}}, indices);
    } else {
      return vqtbl4q_u8(parts_, indices);
    }
  }

  uint8x16x4_t parts_ = {};
};

/// All ones where the threshold is <= w.
inline uint32x4_t reached(float32x4_t thresholds, float32x4_t w) {
  return vcleq_f32(thresholds, w);
}

/// thresholds[step - 1], thresholds[3 step - 1], ...: kCount of them that a search compares with
/// once it knows the bits above.
template <int kCount>
FloatTable<kCount> odd_multiples(const float* thresholds, int step) {
  float row[kCount];
  for (int i = 0; i < kCount; ++i) row[i] = thresholds[(2 * i + 1) * step - 1];
  return FloatTable<kCount>(row);
}

/// Codes of four weights, by a binary search in thresholds that lie in registers.
template <int kBits>
class CodeSearch {
 public:
  explicit CodeSearch(const float* thresholds)
      : quarter_(vdupq_n_f32(thresholds[kCodes / 4 - 1])),
        half_(vdupq_n_f32(thresholds[kCodes / 2 - 1])),
        three_quarters_(vdupq_n_f32(thresholds[3 * kCodes / 4 - 1])) {
    if constexpr (kBits >= 3) eighths_ = odd_multiples<4>(thresholds, kCodes / 8);
    if constexpr (kBits >= 4) sixteenths_ = odd_multiples<8>(thresholds, kCodes / 16);
  }

  [[nodiscard]] uint32x4_t find(float32x4_t w) const {
    const uint32x4_t minus_one_or_two = vaddq_u32(reached(quarter_, w), reached(half_, w));
    const uint32x4_t minus_code = vaddq_u32(minus_one_or_two, reached(three_quarters_, w));
    uint32x4_t code = vsubq_u32(vdupq_n_u32(0), minus_code);
    if constexpr (kBits >= 3) code = next_bit(code, eighths_.get(code), w);
    if constexpr (kBits >= 4) code = next_bit(code, sixteenths_.get(code), w);
    return code;
  }

 private:
  static_assert(kBits <= 4);
  static constexpr int kCodes = 1 << kBits;

  /// The bits of the code so far and the next one.
  static uint32x4_t next_bit(uint32x4_t code, float32x4_t thresholds, float32x4_t w) {
    return vsubq_u32(vaddq_u32(code, code), reached(thresholds, w));
  }

  float32x4_t quarter_, half_, three_quarters_;
  FloatTable<4> eighths_;
  FloatTable<8> sixteenths_;
};

template <>
class CodeSearch<1> {
 public:
  explicit CodeSearch(const float* thresholds) : threshold_(vdupq_n_f32(thresholds[0])) {}
  [[nodiscard]] uint32x4_t find(float32x4_t w) const {
    return vshrq_n_u32(reached(threshold_, w), 31);
  }

 private:
  float32x4_t threshold_;
};

/// levels[code] of four codes.
template <int kBits>
struct Expand : FloatTable<1 << kBits> {
  using FloatTable<1 << kBits>::FloatTable;
};

template <>
struct Expand<1> : FloatTable<4> {
  explicit Expand(const float* levels) : FloatTable(Pair(levels).repeated) {}

 private:
  struct Pair {
    float repeated[4];
    explicit Pair(const float* two) : repeated{two[0], two[1], two[0], two[1]} {}
  };
};

}  // namespace
}  // namespace wquant
