#pragma once

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/avx2_levels.h"
#include "kernels/kernels.h"
#include "kernels/move_by_eights.h"

namespace wquant {
namespace {

inline __m256 infinity() { return _mm256_set1_ps(__builtin_inff()); }

inline __m256 magnitude(__m256 x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x); }

inline __m256i load_codes(const std::uint8_t* codes) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes)));
}

/// More levels than registers hold.
struct GatheredLevels {
  const float* levels;
  explicit GatheredLevels(const float* all) : levels(all) {}
  [[nodiscard]] __m256 get(__m256i codes) const {
    return _mm256_i32gather_ps(levels, codes, sizeof(float));
  }
};

/// MoveSums of weights eight at a time.
struct MoveLanes {
  __m256d low, high;
  __m256 least = infinity();

  explicit MoveLanes(const MoveSums& sums)
      : low(_mm256_loadu_pd(sums.errors)), high(_mm256_loadu_pd(sums.errors + 4)) {}

  void add(__m256 error, __m256 step) {
    low = _mm256_add_pd(low, _mm256_cvtps_pd(_mm256_castps256_ps128(error)));
    high = _mm256_add_pd(high, _mm256_cvtps_pd(_mm256_extractf128_ps(error, 1)));
    const __m256 none = _mm256_cmp_ps(step, _mm256_setzero_ps(), _CMP_EQ_OQ);
    least = _mm256_min_ps(_mm256_blendv_ps(magnitude(step), infinity(), none), least);
  }

  void store(MoveSums* sums) const {
    _mm256_storeu_pd(sums->errors, low);
    _mm256_storeu_pd(sums->errors + 4, high);
    float lanes[8];
    _mm256_storeu_ps(lanes, least);
    for (const float step : lanes) {
      if (step < sums->least_step) sums->least_step = step;
    }
  }
};

template <typename Table, bool kScaled>
void find_moves_by(const LooseFloat* w, const std::uint8_t* codes, std::size_t n,
                   const ScaledLevels& became, const Moves& moves, MoveSums* sums) {
  const Table table(became.levels);
  const __m256i one = _mm256_set1_epi32(1);
  const __m256i last = _mm256_set1_epi32((1 << became.bits) - 1);
  MoveLanes lanes(*sums);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 weights = load_eight(w + i);
    const __m256 scale = kScaled ? _mm256_loadu_ps(became.scales + i) : _mm256_setzero_ps();
    const auto scaled = [&](__m256 level) { return kScaled ? _mm256_mul_ps(level, scale) : level; };
    const __m256i code = load_codes(codes + i);
    const __m256 level = scaled(table.get(code));
    // One less where the level lies above the weight, else one more.
    const __m256i above = _mm256_castps_si256(_mm256_cmp_ps(level, weights, _CMP_GT_OQ));
    const __m256i beside = _mm256_add_epi32(code, _mm256_or_si256(above, one));
    const __m256 next =
        scaled(table.get(_mm256_min_epi32(_mm256_max_epi32(beside, _mm256_setzero_si256()), last)));
    const __m256 error = _mm256_sub_ps(level, weights);
    const __m256 exact = _mm256_cmp_ps(error, _mm256_setzero_ps(), _CMP_EQ_OQ);
    const __m256 step = _mm256_andnot_ps(exact, _mm256_sub_ps(next, level));
    _mm256_storeu_ps(moves.errors + i, error);
    _mm256_storeu_ps(moves.steps + i, step);
    lanes.add(error, step);
  }
  lanes.store(sums);
  kScalarKernels.find_moves(
      w + i, codes + i, n - i,
      {became.levels, became.bits, kScaled ? became.scales + i : became.scales},
      {moves.errors + i, moves.steps + i}, sums);
}

using FindMoves = decltype(&find_moves_by<GatheredLevels, false>);

/// By whether there are scales and the number of bits.
inline constexpr FindMoves kFindMoves[2][5] = {
    {find_moves_by<GatheredLevels, false>, find_moves_by<Expand<1>, false>,
     find_moves_by<Expand<2>, false>, find_moves_by<Expand<3>, false>,
     find_moves_by<Expand<4>, false>},
    {find_moves_by<GatheredLevels, true>, find_moves_by<Expand<1>, true>,
     find_moves_by<Expand<2>, true>, find_moves_by<Expand<3>, true>,
     find_moves_by<Expand<4>, true>},
};

inline void find_moves(const LooseFloat* w, const std::uint8_t* codes, std::size_t n,
                       const ScaledLevels& became, const Moves& moves, MoveSums* sums) {
  const FindMoves* by_bits = kFindMoves[became.scales != nullptr ? 1 : 0];
  by_bits[became.bits <= 4 ? became.bits : 0](w, codes, n, became, moves, sums);
}

/// Eight kernels of up to kMostSideBySide weights, one in every lane.
class KernelLanes {
 public:
  KernelLanes(std::size_t size, float pull, const Moves& kernels)
      : size_(size), moves_(kernels), pull_(_mm256_set1_ps(pull)), rest_(_mm256_set1_ps(1 - pull)) {
    const __m256i begins = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                                              _mm256_set1_epi32(static_cast<int>(size)));
    sum_ = _mm256_setzero_ps();
    for (std::size_t p = 0; p < size; ++p) {
      const __m256 error = _mm256_i32gather_ps(kernels.errors + p, begins, sizeof(float));
      sum_ = _mm256_add_ps(sum_, error);
      const __m256 half = magnitude(error);
      _mm256_store_ps(twice_ + kSideBySide * p, _mm256_add_ps(half, half));
      const __m256 step = _mm256_i32gather_ps(kernels.steps + p, begins, sizeof(float));
      _mm256_store_ps(steps_ + kSideBySide * p, step);
    }
  }

  /// Moves weights as long as there are some, the first of which have the index `first`.
  std::size_t move_all(std::size_t first, MovedWeight* moved) {
    std::size_t all = 0;
    while (const unsigned lanes = choose()) {
      alignas(32) std::uint32_t places[8];
      _mm256_store_si256(reinterpret_cast<__m256i*>(places), places_);
      for (unsigned left = lanes; left != 0; left &= left - 1) {
        const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
        float& step = steps_[places[lane]];
        const std::size_t i = lane * size_ + places[lane] / kSideBySide;
        moves_.errors[i] += step;
        moves_.steps[i] = 0;
        moved[all++] = {static_cast<std::uint32_t>(first + i), step};
        step = 0;
      }
    }
    return all;
  }

 private:
  /// Chooses the next move of every kernel; returns in which lanes there is one.
  unsigned choose() {
    // A step in the direction that lowers the |sum| is positive without this sign.
    const __m256 against = _mm256_andnot_ps(sum_, _mm256_set1_ps(-0.0F));
    const __m256 half = magnitude(sum_);
    const __m256 most = _mm256_add_ps(half, half);
    const __m256 pulled = _mm256_mul_ps(pull_, most);
    __m256 least = infinity();
    __m256i best = _mm256_setzero_si256();
    __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (std::size_t at = 0; at < kSideBySide * size_; at += kSideBySide) {
      const __m256 distance = _mm256_xor_ps(_mm256_load_ps(steps_ + at), against);
      const __m256 twice = _mm256_load_ps(twice_ + at);
      const __m256 limit = _mm256_min_ps(_mm256_add_ps(pulled, _mm256_mul_ps(rest_, twice)), most);
      const __m256 idle = _mm256_or_ps(_mm256_cmp_ps(distance, _mm256_setzero_ps(), _CMP_LE_OQ),
                                       _mm256_cmp_ps(distance, limit, _CMP_GE_OQ));
      // No number where the move is idle: neither comparison takes it.
      const __m256 cost = _mm256_or_ps(_mm256_sub_ps(distance, twice), idle);
      const __m256 better = _mm256_cmp_ps(cost, least, _CMP_LT_OQ);
      least = _mm256_min_ps(cost, least);
      best = _mm256_blendv_epi8(best, place, _mm256_castps_si256(better));
      place = _mm256_add_epi32(place, _mm256_set1_epi32(static_cast<int>(kSideBySide)));
    }
    const __m256 moves = _mm256_cmp_ps(least, infinity(), _CMP_LT_OQ);
    const __m256 step = _mm256_i32gather_ps(steps_, best, sizeof(float));
    sum_ = _mm256_add_ps(sum_, _mm256_and_ps(step, moves));
    places_ = best;
    return static_cast<unsigned>(_mm256_movemask_ps(moves));
  }

  std::size_t size_;
  Moves moves_;
  __m256 pull_, rest_, sum_;
  __m256i places_ = _mm256_setzero_si256();  // In steps_, of the moves that were chosen.
  alignas(32) float twice_[kSideBySide * kMostSideBySide];  // 2 |error|
  alignas(32) float steps_[kSideBySide * kMostSideBySide];
};

inline std::size_t move_in_kernels(std::size_t size, std::size_t count, float pull,
                                   const Moves& moves, MovedWeight* moved) {
  return move_by_eights<KernelLanes>(size, count, pull, moves, moved);
}

/// The places of the bits of a mask, in order.
inline constexpr auto kPlaces = [] {
  std::array<std::array<std::uint8_t, 8>, 256> all = {};
  for (unsigned mask = 0; mask < all.size(); ++mask) {
    std::size_t count = 0;
    for (std::uint8_t place = 0; place < 8; ++place) {
      if ((mask >> place & 1) != 0) all[mask][count++] = place;
    }
  }
  return all;
}();

inline std::size_t select_moves(const float* errors, const float* steps, std::size_t n,
                                const MoveQuery& query, std::uint32_t* found) {
  const __m256 sign = _mm256_set1_ps(query.sign);
  const __m256 most = _mm256_set1_ps(query.most);
  const __m256 above = _mm256_set1_ps(query.above);
  const __m256 at_most = _mm256_set1_ps(query.at_most);
  std::size_t count = 0;
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 distance = _mm256_mul_ps(sign, _mm256_loadu_ps(steps + i));
    const __m256 size = magnitude(_mm256_loadu_ps(errors + i));
    const __m256 cost = _mm256_sub_ps(distance, _mm256_add_ps(size, size));
    const __m256 cheap = _mm256_and_ps(_mm256_cmp_ps(cost, at_most, _CMP_LE_OQ),
                                       _mm256_cmp_ps(cost, above, _CMP_GT_OQ));
    const __m256 serves = _mm256_and_ps(_mm256_cmp_ps(distance, _mm256_setzero_ps(), _CMP_GT_OQ),
                                        _mm256_cmp_ps(distance, most, _CMP_LT_OQ));
    const auto mask = static_cast<unsigned>(_mm256_movemask_ps(_mm256_and_ps(cheap, serves)));
    // Eight are stored, of which so many count: where some are found is as good as random.
    const __m256i places = load_codes(kPlaces[mask].data());
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(found + count),
                        _mm256_add_epi32(places, _mm256_set1_epi32(static_cast<int>(i))));
    count += static_cast<unsigned>(__builtin_popcount(mask));
  }
  const std::size_t rest =
      kScalarKernels.select_moves(errors + i, steps + i, n - i, query, found + count);
  for (std::size_t k = 0; k < rest; ++k) found[count + k] += static_cast<std::uint32_t>(i);
  return count + rest;
}

}  // namespace
}  // namespace wquant
