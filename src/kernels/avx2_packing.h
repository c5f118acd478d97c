#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/packing_fields.h"

namespace wquant {

/// Joins neighbouring fields: `kept` bits of every lower half of a lane stay, the upper half moves
/// down to them.
inline __m256i join(__m256i x, __m256i lower_halves, __m128i shift) {
  const __m256i low = _mm256_and_si256(x, lower_halves);
  return _mm256_or_si256(low, _mm256_srl_epi64(_mm256_andnot_si256(lower_halves, x), shift));
}

/// The way back: the bits above `kept` move up to the upper half.
inline __m256i part(__m256i x, __m256i kept, __m256i moved, __m128i shift) {
  const __m256i high = _mm256_and_si256(_mm256_sll_epi64(x, shift), moved);
  return _mm256_or_si256(_mm256_and_si256(x, kept), high);
}

inline __m256i repeat64(std::uint64_t x) { return _mm256_set1_epi64x(static_cast<long long>(x)); }

inline __m256i repeat_bytes(const std::uint8_t* bytes) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
}

/// Distances and masks to pack and unpack groups of eight codes of `bits` bits.
struct Packing {
  __m128i shift8, shift16, shift32;  ///< 8 - bits, 16 - 2 bits, 32 - 4 bits.
  __m256i together, apart, kept8, kept16, kept32, moved8, moved16, moved32;  ///< See PackingFields.

  explicit Packing(int bits)
      : shift8(_mm_cvtsi32_si128(8 - bits)),
        shift16(_mm_cvtsi32_si128(16 - 2 * bits)),
        shift32(_mm_cvtsi32_si128(32 - 4 * bits)) {
    const PackingFields fields(bits);
    together = repeat_bytes(fields.together);
    apart = repeat_bytes(fields.apart);
    kept8 = repeat64(fields.kept8);
    kept16 = repeat64(fields.kept16);
    kept32 = repeat64(fields.kept32);
    moved8 = repeat64(fields.moved8);
    moved16 = repeat64(fields.moved16);
    moved32 = repeat64(fields.moved32);
  }

  [[nodiscard]] __m256i pack(__m256i codes) const {
    const __m256i two = join(codes, repeat64(0x00ff00ff00ff00ffU), shift8);
    const __m256i four = join(two, repeat64(0x0000ffff0000ffffU), shift16);
    const __m256i eight = join(four, repeat64(0x00000000ffffffffU), shift32);
    return _mm256_shuffle_epi8(eight, together);
  }
  [[nodiscard]] __m256i unpack(__m256i packed) const {
    const __m256i eight = _mm256_shuffle_epi8(packed, apart);
    const __m256i four = part(eight, kept32, moved32, shift32);
    const __m256i two = part(four, kept16, moved16, shift16);
    return part(two, kept8, moved8, shift8);
  }
};

}  // namespace wquant
