// Compiled for AVX2, see avx2.cpp.
#include "kernels/avx2_cells.h"

#include <immintrin.h>

#include "kernels/avx2_eight_cells.h"
#include "kernels/avx2_levels.h"
#include "kernels/fetch_ahead.h"
#include "kernels/scale_search.h"

namespace wquant {
namespace {

/// What is left over after the wide steps.
const Kernels& scalar() { return kScalarKernels; }

float sum_of(__m256 lanes) {
  const __m128 by_4 = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
  const __m128 by_2 = _mm_add_ps(by_4, _mm_movehl_ps(by_4, by_4));
  return _mm_cvtss_f32(_mm_add_ss(by_2, _mm_movehdup_ps(by_2)));
}

/// The first `count` of eight weights; the others are 0.
__m256 load_some(const LooseFloat* w, std::size_t count) {
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), numbers);
  return _mm256_maskload_ps(reinterpret_cast<const float*>(w), mask);
}

/// Sets to 0 all but the first `count` of eight levels.
__m256 keep_some(__m256 levels, std::size_t count) {
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), numbers);
  return _mm256_and_ps(levels, _mm256_castsi256_ps(mask));
}

/// Calls f(weights) for eight weights at a time, and for the rest with zeros; meanwhile fetches
/// what will be needed.
template <typename F>
[[gnu::always_inline]] inline void by_eights(const LooseFloat* w, std::size_t n, Fetch fetch,
                                             F&& f) {
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    fetch.next();
    f(load_eight(w + i), 8);
  }
  if (i < n) f(load_some(w + i, n - i), n - i);
}

/// Finds the levels of weights over their scale.
template <int kBits>
struct LevelsByRegisters {
  CodeSearch<kBits> search;
  Expand<kBits> expand;
  LevelsByRegisters(const float* thresholds, const float* levels)
      : search(thresholds), expand(levels) {}
  [[nodiscard]] __m256 of(__m256 units) const { return expand.get(search.find(units)); }
};

struct LevelsByKey {
  const float* key_levels;
  [[nodiscard]] __m256 of(__m256 units) const {
    const __m256i keys = _mm256_srli_epi32(_mm256_castps_si256(units), kKeyShift);
    return _mm256_i32gather_ps(key_levels, keys, sizeof(float));
  }
};

template <typename Levels>
struct CellSums {
  Levels levels;
  __m256 kept;  // Of weights: all bits, or all but the sign.

  CellSums(const Levels& all, const ScaleSearch& search)
      : levels(all),
        kept(_mm256_castsi256_ps(_mm256_set1_epi32(search.mirrored ? 0x7fffffff : -1))) {}

  /// The sums of each lane.
  template <std::size_t kCount>
  void project_lanes(const LooseFloat* w, std::size_t n, Fetch fetch, const float* factors,
                     __m256* products, __m256* squares) const {
    // In registers.
    __m256 wide_factors[kCount];
    __m256 own_products[kCount];
    __m256 own_squares[kCount];
    for (std::size_t k = 0; k < kCount; ++k) {
      own_products[k] = own_squares[k] = _mm256_setzero_ps();
      wide_factors[k] = _mm256_set1_ps(factors[k]);
    }
    const Levels own = levels;
    const __m256 own_kept = kept;
    by_eights(w, n, fetch, [&](__m256 all, std::size_t count) {
      const __m256 weights = _mm256_and_ps(all, own_kept);
#pragma GCC unroll 3
      for (std::size_t k = 0; k < kCount; ++k) {
        __m256 found = own.of(_mm256_mul_ps(weights, wide_factors[k]));
        if (count < 8) found = keep_some(found, count);
        own_products[k] = _mm256_add_ps(own_products[k], _mm256_mul_ps(weights, found));
        own_squares[k] = _mm256_add_ps(own_squares[k], _mm256_mul_ps(found, found));
      }
    });
    for (std::size_t k = 0; k < kCount; ++k) {
      products[k] = own_products[k];
      squares[k] = own_squares[k];
    }
  }

  template <std::size_t kCount>
  void project(const LooseFloat* w, std::size_t n, const float* factors, Projection* sums) const {
    __m256 products[kCount];
    __m256 squares[kCount];
    project_lanes<kCount>(w, n, Fetch(w + n), factors, products, squares);
    for (std::size_t k = 0; k < kCount; ++k) sums[k] = {sum_of(products[k]), sum_of(squares[k])};
  }

  void project_some(const LooseFloat* w, std::size_t n, const float* factors, std::size_t count,
                    Projection* sums) const {
    if (count == 3) return project<3>(w, n, factors, sums);
    if (count == 2) return project<2>(w, n, factors, sums);
    project<1>(w, n, factors, sums);
  }

  /// In four parts, which need not wait for each other.
  [[nodiscard]] static __m256 largest_lanes(const LooseFloat* w, std::size_t n) {
    const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    // NaN does not count: the second operand stays.
    const auto larger_of = [&](__m256 weights, __m256 most) {
      return _mm256_max_ps(_mm256_and_ps(weights, magnitude), most);
    };
    __m256 most[4] = {};
    std::size_t i = 0;
    for (; i + 32 <= n; i += 32) {
      for (std::size_t k = 0; k < 4; ++k) {
        fetch_ahead(w + i + 8 * k);
        most[k] = larger_of(load_eight(w + i + 8 * k), most[k]);
      }
    }
    by_eights(w + i, n - i, Fetch(w + i + kAhead),
              [&](__m256 weights, std::size_t) { most[0] = larger_of(weights, most[0]); });
    return _mm256_max_ps(_mm256_max_ps(most[0], most[1]), _mm256_max_ps(most[2], most[3]));
  }

  [[nodiscard]] static float largest(const LooseFloat* w, std::size_t n) {
    const __m256 most = largest_lanes(w, n);
    const __m128 by_4 = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
    const __m128 by_2 = _mm_max_ps(by_4, _mm_movehl_ps(by_4, by_4));
    return _mm_cvtss_f32(_mm_max_ss(by_2, _mm_movehdup_ps(by_2)));
  }

  /// Of neighbouring cells, whose sums need not wait for each other.
  template <std::size_t kCells>
  static void eighth_power_lanes(const LooseFloat* w, std::size_t run, const float* factors,
                                 __m256* sums) {
    __m256 own[kCells] = {};
    const auto add = [&](std::size_t cell, __m256 weights) {
      const __m256 share = _mm256_mul_ps(weights, _mm256_set1_ps(factors[cell]));
      const __m256 squared = _mm256_mul_ps(share, share);
      const __m256 fourth = _mm256_mul_ps(squared, squared);
      own[cell] = _mm256_add_ps(own[cell], _mm256_mul_ps(fourth, fourth));
    };
    std::size_t i = 0;
    for (; i + 8 <= run; i += 8) {
      for (std::size_t cell = 0; cell < kCells; ++cell) add(cell, load_eight(w + cell * run + i));
    }
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      if (i < run) add(cell, load_some(w + cell * run + i, run - i));
      sums[cell] = own[cell];
    }
  }

  [[nodiscard]] static float eighth_powers(const LooseFloat* w, std::size_t n, float factor) {
    __m256 sum;
    eighth_power_lanes<1>(w, n, &factor, &sum);
    return sum_of(sum);
  }
};

template <int kBits>
void find_scales_in_registers(const LooseFloat* w, std::size_t run, std::size_t cells,
                              const ScaleSearch& search, FoundScale* found) {
  const CellSums<LevelsByRegisters<kBits>> sums({search.thresholds, search.levels}, search);
  find_scales_by_eights(sums, w, run, cells, search, found);
}

constexpr decltype(&find_scales_in_registers<1>) kFindScales[9] = {
    nullptr,
    find_scales_in_registers<1>,
    find_scales_in_registers<2>,
    find_scales_in_registers<3>,
    find_scales_in_registers<4>,
};

}  // namespace

namespace avx2 {

void multiply(const LooseFloat* in, std::size_t n, float factor, float* out) {
  const __m256 factors = _mm256_set1_ps(factor);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, _mm256_mul_ps(load_eight(in + i), factors));
  scalar().multiply(in + i, n - i, factor, out + i);
}

void add_errors(const LooseFloat* w, const float* q, std::size_t n, float pivot,
                ErrorLanes* lanes) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  const __m256 pivots = _mm256_set1_ps(pivot);
  __m256 sum_d = _mm256_loadu_ps(lanes->d);
  __m256 sum_d2 = _mm256_loadu_ps(lanes->d2);
  __m256 sum_e = _mm256_loadu_ps(lanes->e);
  __m256 sum_e2 = _mm256_loadu_ps(lanes->e2);
  __m256 sum_de = _mm256_loadu_ps(lanes->de);
  __m256 max_e = _mm256_loadu_ps(lanes->max_e);
  __m256 max_q = _mm256_loadu_ps(lanes->max_q);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 weights = load_eight(w + i);
    const __m256 levels = _mm256_loadu_ps(q + i);
    const __m256 d = _mm256_sub_ps(weights, pivots);
    const __m256 e = _mm256_sub_ps(weights, levels);
    sum_d = _mm256_add_ps(sum_d, d);
    sum_d2 = _mm256_add_ps(sum_d2, _mm256_mul_ps(d, d));
    sum_e = _mm256_add_ps(sum_e, e);
    sum_e2 = _mm256_add_ps(sum_e2, _mm256_mul_ps(e, e));
    sum_de = _mm256_add_ps(sum_de, _mm256_mul_ps(d, e));
    // NaN does not count: the second operand stays.
    max_e = _mm256_max_ps(_mm256_and_ps(e, magnitude), max_e);
    max_q = _mm256_max_ps(_mm256_and_ps(levels, magnitude), max_q);
  }
  _mm256_storeu_ps(lanes->d, sum_d);
  _mm256_storeu_ps(lanes->d2, sum_d2);
  _mm256_storeu_ps(lanes->e, sum_e);
  _mm256_storeu_ps(lanes->e2, sum_e2);
  _mm256_storeu_ps(lanes->de, sum_de);
  _mm256_storeu_ps(lanes->max_e, max_e);
  _mm256_storeu_ps(lanes->max_q, max_q);
  scalar().add_errors(w + i, q + i, n - i, pivot, lanes);
}

void find_scales(const LooseFloat* w, std::size_t run, std::size_t cells, const ScaleSearch& search,
                 FoundScale* found) {
  if (search.key_levels != nullptr) {
    const CellSums<LevelsByKey> sums({search.key_levels}, search);
    return find_scales_by_eights(sums, w, run, cells, search, found);
  }
  if (kFindScales[search.bits] != nullptr) {
    return kFindScales[search.bits](w, run, cells, search, found);
  }
  scalar().find_scales(w, run, cells, search, found);
}

}  // namespace avx2
}  // namespace wquant
