#pragma once

#include <immintrin.h>

#include <cstdint>

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

/// In a vector of four groups of eight codes, bytes 0..bits-1 of every group move together within
/// each half of the vector (0x80 makes a zero).
inline void fill_shuffles(int bits, std::uint8_t (&together)[32], std::uint8_t (&apart)[32]) {
  for (int i = 0; i < 32; ++i) {
    const int at = i % 16;
    const int from = at < bits ? at : at < 2 * bits ? at - bits + 8 : 0x80;
    const int to = at % 8 < bits ? at / 8 * bits + at % 8 : 0x80;
    together[i] = static_cast<std::uint8_t>(from);
    apart[i] = static_cast<std::uint8_t>(to);
  }
}

/// Distances and masks to pack and unpack groups of eight codes of `bits` bits.
struct Packing {
  __m128i shift8, shift16, shift32;  ///< 8 - bits, 16 - 2 bits, 32 - 4 bits.
  __m256i together, apart;           ///< Byte shuffles.
  __m256i kept8, kept16, kept32;     ///< The bits that stay below.
  __m256i moved8, moved16, moved32;  ///< Where the others come to lie.

  explicit Packing(int bits)
      : shift8(_mm_cvtsi32_si128(8 - bits)),
        shift16(_mm_cvtsi32_si128(16 - 2 * bits)),
        shift32(_mm_cvtsi32_si128(32 - 4 * bits)) {
    std::uint8_t together_bytes[32];
    std::uint8_t apart_bytes[32];
    fill_shuffles(bits, together_bytes, apart_bytes);
    together = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(together_bytes));
    apart = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(apart_bytes));
    const std::uint64_t one = 1;
    const std::uint64_t m8 = (one << bits) - 1;
    const std::uint64_t m16 = (one << 2 * bits) - 1;
    const std::uint64_t m32 = (one << 4 * bits) - 1;
    kept8 = repeat64(m8 * 0x0001000100010001U);
    moved8 = repeat64(m8 * 0x0100010001000100U);
    kept16 = repeat64(m16 * 0x0000000100000001U);
    moved16 = repeat64(m16 * 0x0001000000010000U);
    kept32 = repeat64(m32);
    moved32 = repeat64(m32 << 32);
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
