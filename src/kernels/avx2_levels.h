#pragma once

// For the files that are compiled for AVX2: in an unnamed namespace, see avx2.cpp.
#include <immintrin.h>

#include "kernels/kernels.h"

namespace wquant {
namespace {

inline __m256 load_eight(const LooseFloat* w) {
  return _mm256_loadu_ps(reinterpret_cast<const float*>(w));
}
inline __m128 load_four(const LooseFloat* w) {
  return _mm_loadu_ps(reinterpret_cast<const float*>(w));
}

/// All ones where the threshold is <= w.
inline __m256i reached(__m256 thresholds, __m256 w) {
  return _mm256_castps_si256(_mm256_cmp_ps(thresholds, w, _CMP_LE_OQ));
}

/// thresholds[step - 1], thresholds[3 step - 1], ...: kCount of them that a search compares with
/// once it knows the bits above; repeated in the lanes that are left.
template <int kCount>
__m256 odd_multiples(const float* thresholds, int step) {
  float row[8];
  for (int i = 0; i < 8; ++i) row[i] = thresholds[(2 * (i % kCount) + 1) * step - 1];
  return _mm256_loadu_ps(row);
}

/// Codes of eight weights, by a binary search: its first four steps in thresholds that lie in
/// registers, later ones by gathers.
template <int kBits>
class CodeSearch {
 public:
  explicit CodeSearch(const float* thresholds)
      : thresholds_(thresholds),
        quarter_(_mm256_set1_ps(thresholds[kCodes / 4 - 1])),
        half_(_mm256_set1_ps(thresholds[kCodes / 2 - 1])),
        three_quarters_(_mm256_set1_ps(thresholds[3 * kCodes / 4 - 1])) {
    if constexpr (kBits >= 3) eighths_ = odd_multiples<4>(thresholds, kCodes / 8);
    if constexpr (kBits >= 4) sixteenths_ = odd_multiples<8>(thresholds, kCodes / 16);
  }

  [[nodiscard]] __m256i find(__m256 w) const {
    const __m256i minus_one_or_two = _mm256_add_epi32(reached(quarter_, w), reached(half_, w));
    const __m256i minus_code = _mm256_add_epi32(minus_one_or_two, reached(three_quarters_, w));
    __m256i code = _mm256_sub_epi32(_mm256_setzero_si256(), minus_code);
    if constexpr (kBits >= 3) code = next_bit(code, _mm256_permutevar8x32_ps(eighths_, code), w);
    if constexpr (kBits >= 4) code = next_bit(code, _mm256_permutevar8x32_ps(sixteenths_, code), w);
    if constexpr (kBits >= 5) code = next_bit(code, gather<kBits - 5>(code), w);
    if constexpr (kBits >= 6) code = next_bit(code, gather<kBits - 6>(code), w);
    if constexpr (kBits >= 7) code = next_bit(code, gather<kBits - 7>(code), w);
    if constexpr (kBits >= 8) code = next_bit(code, gather<kBits - 8>(code), w);
    return code;
  }

 private:
  static constexpr int kCodes = 1 << kBits;

  /// The bits of the code so far and the next one.
  static __m256i next_bit(__m256i code, __m256 thresholds, __m256 w) {
    return _mm256_sub_epi32(_mm256_add_epi32(code, code), reached(thresholds, w));
  }

  /// thresholds[(2 code + 1) 2^kLeft - 1].
  template <int kLeft>
  [[nodiscard]] __m256 gather(__m256i code) const {
    const __m256i index = _mm256_slli_epi32(code, kLeft + 1);
    return _mm256_i32gather_ps(thresholds_ + (1 << kLeft) - 1, index, sizeof(float));
  }

  const float* thresholds_;
  __m256 quarter_, half_, three_quarters_;
  __m256 eighths_ = {}, sixteenths_ = {};
};

template <>
class CodeSearch<1> {
 public:
  explicit CodeSearch(const float* thresholds) : threshold_(_mm256_set1_ps(thresholds[0])) {}
  [[nodiscard]] __m256i find(__m256 w) const {
    return _mm256_srli_epi32(reached(threshold_, w), 31);
  }

 private:
  __m256 threshold_;
};

/// levels[code] of eight codes, from tables that lie in registers.
template <int kBits>
struct Expand {
  __m256 levels;
  explicit Expand(const float* all)
      : levels(kBits == 3 ? _mm256_loadu_ps(all)
                          : _mm256_setr_ps(all[0], all[1], all[kBits == 2 ? 2 : 0],
                                           all[kBits == 2 ? 3 : 0], 0, 0, 0, 0)) {}
  [[nodiscard]] __m256 get(__m256i codes) const { return _mm256_permutevar8x32_ps(levels, codes); }
};

template <>
struct Expand<4> {
  __m256 low, high;
  explicit Expand(const float* all) : low(_mm256_loadu_ps(all)), high(_mm256_loadu_ps(all + 8)) {}
  [[nodiscard]] __m256 get(__m256i codes) const {
    const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, codes),
                            _mm256_permutevar8x32_ps(high, codes), upper);
  }
};

}  // namespace
}  // namespace wquant
