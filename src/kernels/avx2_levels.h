#pragma once

// For the files that are compiled for AVX2: in an unnamed namespace, see avx2.cpp.
#include <immintrin.h>

namespace wquant {
namespace {

/// All ones where the threshold is <= w.
inline __m256i reached(__m256 thresholds, __m256 w) {
  return _mm256_castps_si256(_mm256_cmp_ps(thresholds, w, _CMP_LE_OQ));
}

/// Codes of eight weights, by a binary search in thresholds that lie in registers.
template <int kBits>
struct CodeSearch;

template <>
struct CodeSearch<1> {
  __m256 t0;
  explicit CodeSearch(const float* t) : t0(_mm256_set1_ps(t[0])) {}
  [[nodiscard]] __m256i find(__m256 w) const { return _mm256_srli_epi32(reached(t0, w), 31); }
};

template <>
struct CodeSearch<2> {
  __m256 t0, t1, t2;
  explicit CodeSearch(const float* t)
      : t0(_mm256_set1_ps(t[0])), t1(_mm256_set1_ps(t[1])), t2(_mm256_set1_ps(t[2])) {}
  [[nodiscard]] __m256i find(__m256 w) const {
    const __m256i sum =
        _mm256_add_epi32(_mm256_add_epi32(reached(t0, w), reached(t1, w)), reached(t2, w));
    return _mm256_sub_epi32(_mm256_setzero_si256(), sum);
  }
};

template <>
struct CodeSearch<3> {
  __m256 all, middle;
  explicit CodeSearch(const float* t)
      : all(_mm256_setr_ps(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[6])),
        middle(_mm256_set1_ps(t[3])) {}
  /// The steps after the first one.
  static __m256i finish(__m256 thresholds, __m256i code, __m256 w) {
    const __m256i one = _mm256_set1_epi32(1);
    const __m256 second = _mm256_permutevar8x32_ps(thresholds, _mm256_add_epi32(code, one));
    code = _mm256_or_si256(code, _mm256_and_si256(reached(second, w), _mm256_set1_epi32(2)));
    const __m256 third = _mm256_permutevar8x32_ps(thresholds, code);
    return _mm256_or_si256(code, _mm256_and_si256(reached(third, w), one));
  }
  [[nodiscard]] __m256i find(__m256 w) const {
    return finish(all, _mm256_and_si256(reached(middle, w), _mm256_set1_epi32(4)), w);
  }
};

template <>
struct CodeSearch<4> {
  __m256 low, high, low4, middle, high4;
  explicit CodeSearch(const float* t)
      : low(_mm256_loadu_ps(t)),
        high(_mm256_setr_ps(t[8], t[9], t[10], t[11], t[12], t[13], t[14], t[14])),
        low4(_mm256_set1_ps(t[3])),
        middle(_mm256_set1_ps(t[7])),
        high4(_mm256_set1_ps(t[11])) {}
  /// The entry of the lower or the upper half.
  [[nodiscard]] __m256 pick(__m256i index, __m256i upper) const {
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, index),
                            _mm256_permutevar8x32_ps(high, index), _mm256_castsi256_ps(upper));
  }
  [[nodiscard]] __m256i find(__m256 w) const {
    const __m256i one = _mm256_set1_epi32(1);
    const __m256i upper = reached(middle, w);
    const __m256 first = _mm256_blendv_ps(low4, high4, _mm256_castsi256_ps(upper));
    __m256i code = _mm256_and_si256(reached(first, w), _mm256_set1_epi32(4));
    const __m256 second = pick(_mm256_add_epi32(code, one), upper);
    code = _mm256_or_si256(code, _mm256_and_si256(reached(second, w), _mm256_set1_epi32(2)));
    const __m256 third = pick(code, upper);
    code = _mm256_or_si256(code, _mm256_and_si256(reached(third, w), one));
    return _mm256_or_si256(code, _mm256_and_si256(upper, _mm256_set1_epi32(8)));
  }
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
