#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/move_by_eights.h"
#include "kernels/neon_levels.h"

namespace wquant {
namespace {

inline float32x4_t infinity() { return vdupq_n_f32(__builtin_inff()); }

/// MoveSums of four of the eight lanes.
class FourMoveSums {
 public:
  FourMoveSums(const MoveSums& sums, std::size_t first)
      : low_(vld1q_f64(sums.errors + first)), high_(vld1q_f64(sums.errors + first + 2)) {}

  void add(float32x4_t error, float32x4_t step) {
    low_ = vaddq_f64(low_, vcvt_f64_f32(vget_low_f32(error)));
    high_ = vaddq_f64(high_, vcvt_high_f64_f32(error));
    least_ = smaller(vbslq_f32(vceqzq_f32(step), infinity(), vabsq_f32(step)), least_);
  }

  void store(MoveSums* sums, std::size_t first) const {
    vst1q_f64(sums->errors + first, low_);
    vst1q_f64(sums->errors + first + 2, high_);
    const float least = vminvq_f32(least_);
    if (least < sums->least_step) sums->least_step = least;
  }

 private:
  float64x2_t low_, high_;
  float32x4_t least_ = infinity();
};

/// Moves of weights of up to 4 bits.
template <int kBits, bool kScaled>
class MoveFinder {
 public:
  MoveFinder(const ScaledLevels& became, const Moves& moves)
      : table_(became.levels), scales_(became.scales), moves_(moves) {}

  /// Of weights i to i + 3.
  void find(std::size_t i, float32x4_t weights, uint32x4_t code, FourMoveSums* sums) const {
    const float32x4_t level = level_of(i, code);
    // One less where the level lies above the weight, else one more.
    const int32x4_t above = vreinterpretq_s32_u32(vcgtq_f32(level, weights));
    const int32x4_t beside =
        vaddq_s32(vreinterpretq_s32_u32(code), vorrq_s32(above, vdupq_n_s32(1)));
    const int32x4_t next = vminq_s32(vmaxq_s32(beside, vdupq_n_s32(0)), vdupq_n_s32(kLast));
    const float32x4_t error = vsubq_f32(level, weights);
    const float32x4_t distance = vsubq_f32(level_of(i, vreinterpretq_u32_s32(next)), level);
    const float32x4_t step = vbslq_f32(vceqzq_f32(error), vdupq_n_f32(0), distance);
    vst1q_f32(moves_.errors + i, error);
    vst1q_f32(moves_.steps + i, step);
    sums->add(error, step);
  }

 private:
  static constexpr int kLast = (1 << kBits) - 1;

  [[nodiscard]] float32x4_t level_of(std::size_t i, uint32x4_t codes) const {
    const float32x4_t level = table_.get(codes);
    return kScaled ? vmulq_f32(level, vld1q_f32(scales_ + i)) : level;
  }

  Expand<kBits> table_;
  const float* scales_;
  Moves moves_;
};

template <int kBits, bool kScaled>
void find_moves_of(const LooseFloat* w, const std::uint8_t* codes, std::size_t n,
                   const ScaledLevels& became, const Moves& moves, MoveSums* sums) {
  const MoveFinder<kBits, kScaled> finder(became, moves);
  FourMoveSums low(*sums, 0);
  FourMoveSums high(*sums, 4);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const uint32x4x2_t eight = load_codes(codes + i);
    finder.find(i, load(w + i), eight.val[0], &low);
    finder.find(i + 4, load(w + i + 4), eight.val[1], &high);
  }
  low.store(sums, 0);
  high.store(sums, 4);
  kScalarKernels.find_moves(
      w + i, codes + i, n - i,
      {became.levels, became.bits, kScaled ? became.scales + i : became.scales},
      {moves.errors + i, moves.steps + i}, sums);
}

using FindMoves = decltype(&find_moves_of<1, false>);

/// By whether there are scales and the number of bits.
inline constexpr FindMoves kFindMoves[2][5] = {
    {nullptr, find_moves_of<1, false>, find_moves_of<2, false>, find_moves_of<3, false>,
     find_moves_of<4, false>},
    {nullptr, find_moves_of<1, true>, find_moves_of<2, true>, find_moves_of<3, true>,
     find_moves_of<4, true>},
};

inline void find_moves(const LooseFloat* w, const std::uint8_t* codes, std::size_t n,
                       const ScaledLevels& became, const Moves& moves, MoveSums* sums) {
  if (became.bits > 4) return kScalarKernels.find_moves(w, codes, n, became, moves, sums);
  kFindMoves[became.scales != nullptr ? 1 : 0][became.bits](w, codes, n, became, moves, sums);
}

/// The next moves of four kernels, one in every lane.
class FourChoices {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  /// Of kernels with these sums of errors.
  FourChoices(const float* sums, float pull) : rest_(1 - pull) {
    const float32x4_t sum = vld1q_f32(sums);
    against_ = vbicq_u32(vdupq_n_u32(0x80000000), vreinterpretq_u32_f32(sum));
    most_ = vmulq_n_f32(vabsq_f32(sum), 2);
    pulled_ = vmulq_n_f32(most_, pull);
  }

  /// The weight at a place of each kernel: its step and twice its |error|.
  void consider(std::uint32_t place, const float* steps, const float* twice_errors) {
    const uint32x4_t step = vreinterpretq_u32_f32(vld1q_f32(steps));
    const float32x4_t twice = vld1q_f32(twice_errors);
    const float32x4_t distance = vreinterpretq_f32_u32(veorq_u32(step, against_));
    const float32x4_t limit = smaller(vaddq_f32(pulled_, vmulq_n_f32(twice, rest_)), most_);
    const float32x4_t cost = vsubq_f32(distance, twice);
    const uint32x4_t serves = vandq_u32(vcgtzq_f32(distance), vcltq_f32(distance, limit));
    const uint32x4_t better = vandq_u32(serves, vcltq_f32(cost, least_));
    least_ = vbslq_f32(better, cost, least_);
    best_ = vbslq_u32(better, vdupq_n_u32(place), best_);
  }

  /// The places of those that cost least, or kNone.
  void store(std::uint32_t* places) const { vst1q_u32(places, best_); }

 private:
  uint32x4_t against_;  ///< The sign without which a step that lowers the |sum| is positive.
  float32x4_t most_, pulled_;
  float rest_;
  float32x4_t least_ = infinity();
  uint32x4_t best_ = vdupq_n_u32(kNone);
};

/// Eight kernels of up to kMostSideBySide weights, one in every lane.
class KernelLanes {
 public:
  KernelLanes(std::size_t size, float pull, const Moves& kernels)
      : size_(size), pull_(pull), moves_(kernels) {
    for (std::size_t p = 0; p < size; ++p) {
      for (std::size_t lane = 0; lane < kSideBySide; ++lane) {
        const float error = kernels.errors[lane * size + p];
        sums_[lane] += error;
        twice_[kSideBySide * p + lane] = 2 * __builtin_fabsf(error);
        steps_[kSideBySide * p + lane] = kernels.steps[lane * size + p];
      }
    }
  }

  /// Moves weights as long as there are some, the first of which have the index `first`.
  std::size_t move_all(std::size_t first, MovedWeight* moved) {
    std::size_t all = 0;
    for (std::size_t before = all + 1; all != before;) {
      before = all;
      choose();
      for (std::size_t lane = 0; lane < kSideBySide; ++lane) {
        if (places_[lane] == FourChoices::kNone) continue;
        float& step = steps_[kSideBySide * places_[lane] + lane];
        const std::size_t i = lane * size_ + places_[lane];
        sums_[lane] += step;
        moves_.errors[i] += step;
        moves_.steps[i] = 0;
        moved[all++] = {static_cast<std::uint32_t>(first + i), step};
        step = 0;
      }
    }
    return all;
  }

 private:
  /// The next move of every kernel.
  void choose() {
    FourChoices low(sums_, pull_);
    FourChoices high(sums_ + 4, pull_);
    for (std::uint32_t p = 0; p < size_; ++p) {
      const std::size_t at = kSideBySide * p;
      low.consider(p, steps_ + at, twice_ + at);
      high.consider(p, steps_ + at + 4, twice_ + at + 4);
    }
    low.store(places_);
    high.store(places_ + 4);
  }

  std::size_t size_;
  float pull_;
  Moves moves_;
  float sums_[kSideBySide] = {};
  std::uint32_t places_[kSideBySide];
  float twice_[kSideBySide * kMostSideBySide];  // 2 |error|
  float steps_[kSideBySide * kMostSideBySide];
};

inline std::size_t move_in_kernels(std::size_t size, std::size_t count, float pull,
                                   const Moves& moves, MovedWeight* moved) {
  return move_by_eights<KernelLanes>(size, count, pull, moves, moved);
}

inline std::size_t select_moves(const float* errors, const float* steps, std::size_t n,
                                const MoveQuery& query, std::uint32_t* found) {
  // All ones where the query asks for the move.
  const auto asked = [&](std::size_t i) {
    const float32x4_t distance = vmulq_n_f32(vld1q_f32(steps + i), query.sign);
    const float32x4_t twice = vmulq_n_f32(vabsq_f32(vld1q_f32(errors + i)), 2);
    const float32x4_t cost = vsubq_f32(distance, twice);
    const uint32x4_t cheap = vandq_u32(vcleq_f32(cost, vdupq_n_f32(query.at_most)),
                                       vcgtq_f32(cost, vdupq_n_f32(query.above)));
    const uint32x4_t serves =
        vandq_u32(vcgtzq_f32(distance), vcltq_f32(distance, vdupq_n_f32(query.most)));
    return vandq_u32(cheap, serves);
  };
  constexpr std::uint32_t kBits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
  const uint32x4_t low_bits = vld1q_u32(kBits);
  const uint32x4_t high_bits = vld1q_u32(kBits + 4);
  std::size_t count = 0;
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const uint32x4_t low = vandq_u32(asked(i), low_bits);
    const uint32x4_t high = vandq_u32(asked(i + 4), high_bits);
    for (std::uint32_t mask = vaddvq_u32(vorrq_u32(low, high)); mask != 0; mask &= mask - 1) {
      found[count++] = static_cast<std::uint32_t>(i) + static_cast<unsigned>(__builtin_ctz(mask));
    }
  }
  const std::size_t rest =
      kScalarKernels.select_moves(errors + i, steps + i, n - i, query, found + count);
  for (std::size_t k = 0; k < rest; ++k) found[count + k] += static_cast<std::uint32_t>(i);
  return count + rest;
}

}  // namespace
}  // namespace wquant
