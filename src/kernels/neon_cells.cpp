#include "kernels/neon_cells.h"

#include <arm_neon.h>

#include "kernels/neon_levels.h"
#include "kernels/scale_search.h"

namespace wquant {
namespace {

/// What is left over after the wide steps.
const Kernels& scalar() { return kScalarKernels; }

/// Eight lanes.
struct Lanes {
  float32x4_t low = vdupq_n_f32(0), high = vdupq_n_f32(0);

  void add(float32x4_t to_low, float32x4_t to_high) {
    low = vaddq_f32(low, to_low);
    high = vaddq_f32(high, to_high);
  }

  /// Lanes 4 apart, then 2, then 1.
  [[nodiscard]] float sum() const {
    const float32x4_t by_4 = vaddq_f32(low, high);
    return vpadds_f32(vadd_f32(vget_low_f32(by_4), vget_high_f32(by_4)));
  }
};

/// Calls f(eight weights, 8) for all of them, and for the rest with zeros and how many there are.
/// Inlined, so that what f adds to lies in registers.
template <typename F>
[[gnu::always_inline]] inline void by_eights(const LooseFloat* w, std::size_t n, F&& f) {
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) f(w + i, std::size_t{8});
  if (i == n) return;
  float rest[8] = {};
  for (std::size_t k = i; k < n; ++k) rest[k - i] = w[k];
  f(rest, n - i);
}

/// Sets to 0 all but the first `count` of eight levels, four of which are lanes `first` on.
float32x4_t keep_some(float32x4_t levels, std::size_t first, std::size_t count) {
  constexpr std::uint32_t kNumbers[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  const uint32x4_t kept =
      vcltq_u32(vld1q_u32(kNumbers + first), vdupq_n_u32(static_cast<std::uint32_t>(count)));
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(levels), kept));
}

/// See ScaleOfCell.
template <int kBits>
class CellSums {
 public:
  explicit CellSums(const ScaleSearch& search)
      : search_(search.thresholds),
        expand_(search.levels),
        kept_(vdupq_n_u32(search.mirrored ? 0x7fffffff : 0xffffffff)) {}

  [[nodiscard]] Projection project(const LooseFloat* w, std::size_t n, float factor) const {
    Lanes products;
    Lanes squares;
    by_eights(w, n, [&](const LooseFloat* eight, std::size_t count) {
      const float32x4_t low = kept_of(load(eight));
      const float32x4_t high = kept_of(load(eight + 4));
      float32x4_t low_levels = level_of(vmulq_n_f32(low, factor));
      float32x4_t high_levels = level_of(vmulq_n_f32(high, factor));
      if (count < 8) {
        low_levels = keep_some(low_levels, 0, count);
        high_levels = keep_some(high_levels, 4, count);
      }
      products.add(vmulq_f32(low, low_levels), vmulq_f32(high, high_levels));
      squares.add(vmulq_f32(low_levels, low_levels), vmulq_f32(high_levels, high_levels));
    });
    return {products.sum(), squares.sum()};
  }

  /// One after the other: the sums of all and the tables would not fit the registers.
  void project_some(const LooseFloat* w, std::size_t n, const float* factors, std::size_t count,
                    Projection* sums) const {
    for (std::size_t k = 0; k < count; ++k) sums[k] = project(w, n, factors[k]);
  }

  [[nodiscard]] static float largest(const LooseFloat* w, std::size_t n) {
    Lanes most;
    by_eights(w, n, [&](const LooseFloat* eight, std::size_t) {
      most.low = larger(vabsq_f32(load(eight)), most.low);
      most.high = larger(vabsq_f32(load(eight + 4)), most.high);
    });
    return vmaxvq_f32(larger(most.low, most.high));
  }

  [[nodiscard]] static float eighth_powers(const LooseFloat* w, std::size_t n, float factor) {
    const auto power = [&](const LooseFloat* four) {
      const float32x4_t share = vmulq_n_f32(load(four), factor);
      const float32x4_t squared = vmulq_f32(share, share);
      const float32x4_t fourth = vmulq_f32(squared, squared);
      return vmulq_f32(fourth, fourth);
    };
    Lanes sums;
    by_eights(w, n, [&](const LooseFloat* eight, std::size_t) {
      sums.add(power(eight), power(eight + 4));
    });
    return sums.sum();
  }

 private:
  [[nodiscard]] float32x4_t level_of(float32x4_t units) const {
    return expand_.get(search_.find(units));
  }

  [[nodiscard]] float32x4_t kept_of(float32x4_t weights) const {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(weights), kept_));
  }

  CodeSearch<kBits> search_;
  Expand<kBits> expand_;
  uint32x4_t kept_;  // Of weights: all bits, or all but the sign.
};

template <int kBits>
void find_scales_of(const LooseFloat* w, std::size_t run, std::size_t cells,
                    const ScaleSearch& search, FoundScale* found) {
  find_scales_by(CellSums<kBits>(search), w, run, cells, search, found);
}

/// By the number of bits; null where the tables do not fit the registers.
constexpr decltype(&find_scales_of<1>) kFindScales[9] = {
    nullptr, find_scales_of<1>, find_scales_of<2>, find_scales_of<3>, find_scales_of<4>};

/// ErrorLanes of four of the eight lanes.
class FourErrors {
 public:
  FourErrors(const ErrorLanes& lanes, std::size_t first)
      : d_(vld1q_f32(lanes.d + first)),
        d2_(vld1q_f32(lanes.d2 + first)),
        e_(vld1q_f32(lanes.e + first)),
        e2_(vld1q_f32(lanes.e2 + first)),
        de_(vld1q_f32(lanes.de + first)),
        max_e_(vld1q_f32(lanes.max_e + first)),
        max_q_(vld1q_f32(lanes.max_q + first)) {}

  void add(float32x4_t w, float32x4_t q, float32x4_t pivot) {
    const float32x4_t d = vsubq_f32(w, pivot);
    const float32x4_t e = vsubq_f32(w, q);
    d_ = vaddq_f32(d_, d);
    d2_ = vaddq_f32(d2_, vmulq_f32(d, d));
    e_ = vaddq_f32(e_, e);
    e2_ = vaddq_f32(e2_, vmulq_f32(e, e));
    de_ = vaddq_f32(de_, vmulq_f32(d, e));
    max_e_ = larger(vabsq_f32(e), max_e_);
    max_q_ = larger(vabsq_f32(q), max_q_);
  }

  void store(ErrorLanes* lanes, std::size_t first) const {
    vst1q_f32(lanes->d + first, d_);
    vst1q_f32(lanes->d2 + first, d2_);
    vst1q_f32(lanes->e + first, e_);
    vst1q_f32(lanes->e2 + first, e2_);
    vst1q_f32(lanes->de + first, de_);
    vst1q_f32(lanes->max_e + first, max_e_);
    vst1q_f32(lanes->max_q + first, max_q_);
  }

 private:
  float32x4_t d_, d2_, e_, e2_, de_, max_e_, max_q_;
};

}  // namespace

namespace neon {

void add_errors(const LooseFloat* w, const float* q, std::size_t n, float pivot,
                ErrorLanes* lanes) {
  const float32x4_t pivots = vdupq_n_f32(pivot);
  FourErrors low(*lanes, 0);
  FourErrors high(*lanes, 4);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    low.add(load(w + i), vld1q_f32(q + i), pivots);
    high.add(load(w + i + 4), vld1q_f32(q + i + 4), pivots);
  }
  low.store(lanes, 0);
  high.store(lanes, 4);
  scalar().add_errors(w + i, q + i, n - i, pivot, lanes);
}

void find_scales(const LooseFloat* w, std::size_t run, std::size_t cells, const ScaleSearch& search,
                 FoundScale* found) {
  if (search.key_levels == nullptr && kFindScales[search.bits] != nullptr) {
    return kFindScales[search.bits](w, run, cells, search, found);
  }
  scalar().find_scales(w, run, cells, search, found);
}

}  // namespace neon
}  // namespace wquant
