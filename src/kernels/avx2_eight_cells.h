#pragma once

// For the files that are compiled for AVX2: in an unnamed namespace, see avx2.cpp.
#include <immintrin.h>

#include <cstddef>

#include "kernels/kernels.h"
#include "kernels/scale_search.h"

namespace wquant {
namespace {

inline constexpr std::size_t kEight = 8;

/// Asks the memory for weights a few bytes at a time, so that it has an answer when they are needed
/// and the work at hand need not wait for the asking.
class Fetch {
 public:
  /// How far eight weights reach.
  static constexpr std::size_t kStep = kEight * sizeof(float);

  explicit Fetch(const LooseFloat* first, std::size_t step = kStep)
      : at_(reinterpret_cast<const char*>(first)), step_(step) {}
  void next() {
    __builtin_prefetch(at_);
    at_ += step_;
  }

 private:
  const char* at_;
  std::size_t step_;
};

/// Folds the lanes of eight vectors, each in the order 4 apart, 2 apart, 1 apart; lane i of the
/// result is that of vector i.
template <typename F>
__m256 fold_lanes(const __m256* rows, F&& fold) {
  __m256 by_4[4];
  for (std::size_t i = 0; i < 4; ++i) {
    by_4[i] = fold(_mm256_permute2f128_ps(rows[i], rows[i + 4], 0x20),
                   _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x31));
  }
  const __m256 low_01 = _mm256_unpacklo_ps(by_4[0], by_4[1]);
  const __m256 low_23 = _mm256_unpacklo_ps(by_4[2], by_4[3]);
  const __m256 high_01 = _mm256_unpackhi_ps(by_4[0], by_4[1]);
  const __m256 high_23 = _mm256_unpackhi_ps(by_4[2], by_4[3]);
  // Lanes 0 and 1 of all, then 2 and 3.
  const __m256 first = _mm256_shuffle_ps(low_01, low_23, 0x44);
  const __m256 second = _mm256_shuffle_ps(low_01, low_23, 0xEE);
  const __m256 third = _mm256_shuffle_ps(high_01, high_23, 0x44);
  const __m256 fourth = _mm256_shuffle_ps(high_01, high_23, 0xEE);
  return fold(fold(first, third), fold(second, fourth));
}

inline __m256 add(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }
inline __m256 larger(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }

/// ScaleOfCell for eight cells one after the other, one in every lane: roots and quotients of one
/// cell need not wait for those of another. `Sums` gives its sums by lane.
template <typename Sums>
class ScalesOfEight {
 public:
  ScalesOfEight(const Sums& sums, const ScaleSearch& search) : sums_(sums), search_(search) {}

  /// Searches around the cells' norms.
  void find(const LooseFloat* w, std::size_t run, FoundScale* found) {
    fetched_ = 0;
    scale_ = explained_ = _mm256_setzero_ps();
    attempt(w, run, _mm256_mul_ps(norms(w, run), _mm256_set1_ps(search_.spread)), search_.wide,
            search_.wides);
    attempt(w, run, scale_, search_.narrow, search_.narrows);
    alignas(32) float scales[kEight];
    alignas(32) float explained[kEight];
    _mm256_store_ps(scales, scale_);
    _mm256_store_ps(explained, explained_);
    for (std::size_t i = 0; i < kEight; ++i) found[i] = {scales[i], explained[i]};
  }

 private:
  static __m256 norms(const LooseFloat* w, std::size_t run) {
    __m256 rows[kEight];
    for (std::size_t i = 0; i < kEight; ++i) rows[i] = Sums::largest_lanes(w + i * run, run);
    const __m256 most = fold_lanes(rows, larger);
    alignas(32) float inverses[kEight];
    _mm256_store_ps(inverses, _mm256_div_ps(_mm256_set1_ps(1), most));
    constexpr std::size_t kTurn = 4;
    for (std::size_t i = 0; i < kEight; i += kTurn) {
      Sums::template eighth_power_lanes<kTurn>(w + i * run, run, inverses + i, rows + i);
    }
    const __m256 mean =
        _mm256_div_ps(fold_lanes(rows, add), _mm256_set1_ps(static_cast<float>(run)));
    const __m256 root = _mm256_sqrt_ps(_mm256_sqrt_ps(_mm256_sqrt_ps(mean)));
    const __m256 some = _mm256_cmp_ps(most, _mm256_set1_ps(kLeastScale), _CMP_GE_OQ);
    return _mm256_and_ps(some, _mm256_mul_ps(most, root));
  }

  void attempt(const LooseFloat* w, std::size_t run, __m256 scale, const float* factors,
               std::size_t count) {
    for (; count >= 3; factors += 3, count -= 3) attempt_some<3>(w, run, scale, factors);
    if (count == 2) attempt_some<2>(w, run, scale, factors);
    if (count == 1) attempt_some<1>(w, run, scale, factors);
  }

  template <std::size_t kCount>
  void attempt_some(const LooseFloat* w, std::size_t run, __m256 scale, const float* factors) {
    alignas(32) float inverses[kCount][kEight];
    for (std::size_t k = 0; k < kCount; ++k) {
      const __m256 tried = _mm256_max_ps(_mm256_mul_ps(scale, _mm256_set1_ps(factors[k])),
                                         _mm256_set1_ps(kLeastScale));
      _mm256_store_ps(inverses[k], _mm256_div_ps(_mm256_set1_ps(1), tried));
    }
    __m256 products[kCount][kEight];
    __m256 squares[kCount][kEight];
    // Meanwhile every attempt fetches its share of the next eight cells.
    const std::size_t tries = search_.wides + search_.narrows;
    const LooseFloat* next = w + kEight * run + fetched_;
    fetched_ += kCount * run / tries;
    for (std::size_t i = 0; i < kEight; ++i) {
      float own[kCount];
      __m256 sums[2][kCount];
      for (std::size_t k = 0; k < kCount; ++k) own[k] = inverses[k][i];
      sums_.template project_lanes<kCount>(w + i * run, run,
                                           Fetch(next + i * run, kCount * Fetch::kStep / tries),
                                           own, sums[0], sums[1]);
      for (std::size_t k = 0; k < kCount; ++k) {
        products[k][i] = sums[0][k];
        squares[k][i] = sums[1][k];
      }
    }
    for (std::size_t k = 0; k < kCount; ++k) {
      consider(fold_lanes(products[k], add), fold_lanes(squares[k], add));
    }
  }

  void consider(__m256 products, __m256 squares) {
    const __m256 scale = _mm256_div_ps(products, squares);
    const __m256 explained = _mm256_mul_ps(products, scale);
    const __m256 better = _mm256_and_ps(_mm256_cmp_ps(explained, explained_, _CMP_GT_OQ),
                                        _mm256_cmp_ps(scale, _mm256_setzero_ps(), _CMP_GT_OQ));
    scale_ = _mm256_blendv_ps(scale_, scale, better);
    explained_ = _mm256_blendv_ps(explained_, explained, better);
  }

  const Sums& sums_;
  const ScaleSearch& search_;
  std::size_t fetched_ = 0;  // Of each of the next eight cells.
  __m256 scale_ = _mm256_setzero_ps(), explained_ = _mm256_setzero_ps();
};

/// find_scales_by(), eight cells at a time where none of them says where to begin.
template <typename Sums>
void find_scales_by_eights(const Sums& sums, const LooseFloat* w, std::size_t run,
                           std::size_t cells, const ScaleSearch& search, FoundScale* found) {
  ScalesOfEight<Sums> scales_of(sums, search);
  std::size_t first = 0;
  for (; first + kEight <= cells; first += kEight) {
    bool begun = false;
    for (std::size_t i = first; i < first + kEight; ++i) begun = begun || found[i].scale > 0;
    if (begun) {
      find_scales_by(sums, w + first * run, run, kEight, search, found + first);
    } else {
      scales_of.find(w + first * run, run, found + first);
    }
  }
  find_scales_by(sums, w + first * run, run, cells - first, search, found + first);
}

}  // namespace
}  // namespace wquant
