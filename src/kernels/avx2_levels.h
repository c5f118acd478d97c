#pragma once

#include <immintrin.h>

#include <cstdint>

namespace wquant {
namespace {

/// levels[code] of eight codes, from tables that lie in registers.
struct Expand3 {
  __m256 levels;
  Expand3(const float* all, int bits)
      : levels(bits == 3 ? _mm256_loadu_ps(all)
                         : _mm256_setr_ps(all[0], all[1], all[bits == 2 ? 2 : 0],
                                          all[bits == 2 ? 3 : 0], 0, 0, 0, 0)) {}
  [[nodiscard]] __m256 get(__m256i codes) const { return _mm256_permutevar8x32_ps(levels, codes); }
};

struct Expand4 {
  __m256 low, high;
  explicit Expand4(const float* all) : low(_mm256_loadu_ps(all)), high(_mm256_loadu_ps(all + 8)) {}
  [[nodiscard]] __m256 get(__m256i codes) const {
    const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, codes),
                            _mm256_permutevar8x32_ps(high, codes), upper);
  }
};

__m256i load_codes(const std::uint8_t* codes) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes)));
}

}  // namespace
}  // namespace wquant
