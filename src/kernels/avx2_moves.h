#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/avx2_levels.h"
#include "kernels/kernels.h"

namespace wquant {
namespace {

inline __m256d infinity() { return _mm256_set1_pd(__builtin_inf()); }

inline __m256d magnitude(__m256d x) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), x); }

/// The moves of four weights.
inline void store_moves(__m128 w, __m128 level, __m128 next, const Moves& moves, std::size_t i) {
  const __m256d zero = _mm256_setzero_pd();
  const __m256d from = _mm256_cvtps_pd(level);
  const __m256d error = _mm256_sub_pd(from, _mm256_cvtps_pd(w));
  const __m256d exact = _mm256_cmp_pd(error, zero, _CMP_EQ_OQ);
  const __m256d step = _mm256_andnot_pd(exact, _mm256_sub_pd(_mm256_cvtps_pd(next), from));
  const __m256d size = magnitude(error);
  const __m256d cost = _mm256_sub_pd(magnitude(step), _mm256_add_pd(size, size));
  const __m256d none = _mm256_cmp_pd(step, zero, _CMP_EQ_OQ);
  _mm256_storeu_pd(moves.errors + i, error);
  _mm256_storeu_pd(moves.steps + i, step);
  _mm256_storeu_pd(moves.costs + i, _mm256_blendv_pd(cost, infinity(), none));
}

inline __m256i load_codes(const std::uint8_t* codes) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes)));
}

template <int kBits>
void find_moves_in_registers(const LooseFloat* w, const std::uint8_t* codes, std::size_t n,
                             const float* levels, const Moves& moves) {
  const Expand<kBits> table(levels);
  const __m256i one = _mm256_set1_epi32(1);
  const __m256i last = _mm256_set1_epi32((1 << kBits) - 1);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 weights = _mm256_loadu_ps(w + i);
    const __m256i code = load_codes(codes + i);
    const __m256 level = table.get(code);
    // One less where the level lies above the weight, else one more.
    const __m256i above = _mm256_castps_si256(_mm256_cmp_ps(level, weights, _CMP_GT_OQ));
    const __m256i beside = _mm256_add_epi32(code, _mm256_or_si256(above, one));
    const __m256 next =
        table.get(_mm256_min_epi32(_mm256_max_epi32(beside, _mm256_setzero_si256()), last));
    store_moves(_mm256_castps256_ps128(weights), _mm256_castps256_ps128(level),
                _mm256_castps256_ps128(next), moves, i);
    store_moves(_mm256_extractf128_ps(weights, 1), _mm256_extractf128_ps(level, 1),
                _mm256_extractf128_ps(next, 1), moves, i + 4);
  }
  kScalarKernels.find_moves(w + i, codes + i, n - i, levels, kBits,
                            {moves.errors + i, moves.steps + i, moves.costs + i});
}

inline constexpr decltype(&find_moves_in_registers<1>) kFindMoves[9] = {
    nullptr,
    find_moves_in_registers<1>,
    find_moves_in_registers<2>,
    find_moves_in_registers<3>,
    find_moves_in_registers<4>,
};

inline void find_moves(const LooseFloat* w, const std::uint8_t* codes, std::size_t n,
                       const float* levels, int bits, const Moves& moves) {
  if (kFindMoves[bits] != nullptr) return kFindMoves[bits](w, codes, n, levels, moves);
  kScalarKernels.find_moves(w, codes, n, levels, bits, moves);
}

inline std::size_t select_moves(const double* costs, const double* steps, std::size_t n,
                                const MoveQuery& query, std::uint32_t* found) {
  const __m256d sign = _mm256_set1_pd(query.sign);
  const __m256d most = _mm256_set1_pd(query.most);
  const __m256d above = _mm256_set1_pd(query.above);
  const __m256d at_most = _mm256_set1_pd(query.at_most);
  std::size_t count = 0;
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const __m256d cost = _mm256_loadu_pd(costs + i);
    const __m256d step = _mm256_mul_pd(sign, _mm256_loadu_pd(steps + i));
    const __m256d cheap = _mm256_and_pd(_mm256_cmp_pd(cost, at_most, _CMP_LE_OQ),
                                        _mm256_cmp_pd(cost, above, _CMP_GT_OQ));
    const __m256d serves = _mm256_and_pd(_mm256_cmp_pd(step, _mm256_setzero_pd(), _CMP_GT_OQ),
                                         _mm256_cmp_pd(step, most, _CMP_LT_OQ));
    auto mask = static_cast<unsigned>(_mm256_movemask_pd(_mm256_and_pd(cheap, serves)));
    for (; mask != 0; mask &= mask - 1) {
      found[count++] = static_cast<std::uint32_t>(i) + static_cast<unsigned>(__builtin_ctz(mask));
    }
  }
  const std::size_t rest =
      kScalarKernels.select_moves(costs + i, steps + i, n - i, query, found + count);
  for (std::size_t k = 0; k < rest; ++k) found[count + k] += static_cast<std::uint32_t>(i);
  return count + rest;
}

inline std::size_t find_cheapest(const double* costs, const double* steps, std::size_t n,
                                 double sign, double most) {
  alignas(32) double serving[kMostScanned];
  const __m256d signs = _mm256_set1_pd(sign);
  const __m256d mosts = _mm256_set1_pd(most);
  const __m256i ends = _mm256_set1_epi64x(static_cast<long long>(n));
  __m256i index = _mm256_setr_epi64x(0, 1, 2, 3);
  __m256d least = infinity();
  for (std::size_t i = 0; i < n; i += 4, index = _mm256_add_epi64(index, _mm256_set1_epi64x(4))) {
    const __m256i inside = _mm256_cmpgt_epi64(ends, index);
    const __m256d step = _mm256_mul_pd(signs, _mm256_maskload_pd(steps + i, inside));
    const __m256d serves = _mm256_and_pd(_mm256_cmp_pd(step, _mm256_setzero_pd(), _CMP_GT_OQ),
                                         _mm256_cmp_pd(step, mosts, _CMP_LT_OQ));
    const __m256d cost =
        _mm256_blendv_pd(infinity(), _mm256_maskload_pd(costs + i, inside), serves);
    _mm256_store_pd(serving + i, cost);
    least = _mm256_min_pd(least, cost);
  }
  least = _mm256_min_pd(least, _mm256_permute2f128_pd(least, least, 1));
  least = _mm256_min_pd(least, _mm256_permute_pd(least, 5));
  if (_mm256_cvtsd_f64(least) == __builtin_inf()) return n;
  for (std::size_t i = 0;; i += 4) {
    const __m256d equal = _mm256_cmp_pd(_mm256_load_pd(serving + i), least, _CMP_EQ_OQ);
    const auto mask = static_cast<unsigned>(_mm256_movemask_pd(equal));
    if (mask != 0) return i + static_cast<unsigned>(__builtin_ctz(mask));
  }
}

}  // namespace
}  // namespace wquant
