#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "kernels/packing_fields.h"

namespace wquant {
namespace {

/// Packs and unpacks two groups of eight codes of `bits` bits, see PackingFields.
class Packing {
 public:
  explicit Packing(int bits)
      : fields_(bits),
        together_(vld1q_u8(fields_.together)),
        apart_(vld1q_u8(fields_.apart)),
        distance_(8 - bits) {}

  /// The first 2 bits bytes count.
  [[nodiscard]] uint8x16_t pack(uint8x16_t codes) const {
    uint64x2_t x = vreinterpretq_u64_u8(codes);
    x = join(x, 0x00ff00ff00ff00ffU, distance_);
    x = join(x, 0x0000ffff0000ffffU, 2 * distance_);
    x = join(x, 0x00000000ffffffffU, 4 * distance_);
    return vqtbl1q_u8(vreinterpretq_u8_u64(x), together_);
  }

  [[nodiscard]] uint8x16_t unpack(uint8x16_t packed) const {
    uint64x2_t x = vreinterpretq_u64_u8(vqtbl1q_u8(packed, apart_));
    x = part(x, fields_.kept32, fields_.moved32, 4 * distance_);
    x = part(x, fields_.kept16, fields_.moved16, 2 * distance_);
    x = part(x, fields_.kept8, fields_.moved8, distance_);
    return vreinterpretq_u8_u64(x);
  }

 private:
  /// The lower halves stay, the upper halves move down to them.
  static uint64x2_t join(uint64x2_t x, std::uint64_t lower_halves, int distance) {
    const uint64x2_t lower = vdupq_n_u64(lower_halves);
    const uint64x2_t upper = vshlq_u64(vbicq_u64(x, lower), vdupq_n_s64(-distance));
    return vorrq_u64(vandq_u64(x, lower), upper);
  }

  /// The way back.
  static uint64x2_t part(uint64x2_t x, std::uint64_t kept, std::uint64_t moved, int distance) {
    const uint64x2_t upper = vandq_u64(vshlq_u64(x, vdupq_n_s64(distance)), vdupq_n_u64(moved));
    return vorrq_u64(vandq_u64(x, vdupq_n_u64(kept)), upper);
  }

  PackingFields fields_;
  uint8x16_t together_, apart_;
  int distance_;  ///< By which fields of 8 bits move.
};

}  // namespace
}  // namespace wquant
