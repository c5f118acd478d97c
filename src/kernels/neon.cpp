#include <arm_neon.h>

#include "kernels/count_by_eights.h"
#include "kernels/fetch_ahead.h"
#include "kernels/kernels.h"
#include "kernels/neon_cells.h"
#include "kernels/neon_levels.h"
#include "kernels/neon_moves.h"
#include "kernels/neon_packing.h"

namespace wquant {
namespace {

/// What is left over after the wide steps.
const Kernels& scalar() { return kScalarKernels; }

/// d = w - pivot of two of every eight weights.
class TwoMoments {
 public:
  TwoMoments(const MomentSums& sums, std::size_t first)
      : d_(vld1q_f64(sums.d + first)), d2_(vld1q_f64(sums.d2 + first)) {}

  void add(float64x2_t w, float64x2_t pivot) {
    const float64x2_t d = vsubq_f64(w, pivot);
    d_ = vaddq_f64(d_, d);
    d2_ = vaddq_f64(d2_, vmulq_f64(d, d));
  }

  void store(MomentSums* sums, std::size_t first) const {
    vst1q_f64(sums->d + first, d_);
    vst1q_f64(sums->d2 + first, d2_);
  }

 private:
  float64x2_t d_, d2_;
};

/// Of all eight.
class MomentLanes {
 public:
  MomentLanes(const MomentSums& sums, double pivot)
      : pairs_{{sums, 0}, {sums, 2}, {sums, 4}, {sums, 6}}, pivot_(vdupq_n_f64(pivot)) {}

  void add(const LooseFloat* w) {
    const float32x4_t low = load(w);
    const float32x4_t high = load(w + 4);
    pairs_[0].add(vcvt_f64_f32(vget_low_f32(low)), pivot_);
    pairs_[1].add(vcvt_high_f64_f32(low), pivot_);
    pairs_[2].add(vcvt_f64_f32(vget_low_f32(high)), pivot_);
    pairs_[3].add(vcvt_high_f64_f32(high), pivot_);
  }

  void store(MomentSums* sums) const {
    for (std::size_t i = 0; i < 4; ++i) pairs_[i].store(sums, 2 * i);
  }

 private:
  TwoMoments pairs_[4];
  float64x2_t pivot_;
};

/// The lower halves of the lanes of two vectors.
uint16x8_t narrow(uint32x4_t low, uint32x4_t high) {
  return vuzp1q_u16(vreinterpretq_u16_u32(low), vreinterpretq_u16_u32(high));
}

/// Codes of sixteen weights, a byte each.
template <int kBits>
uint8x16_t find_sixteen(const CodeSearch<kBits>& search, const LooseFloat* w) {
  const uint16x8_t low = narrow(search.find(load(w)), search.find(load(w + 4)));
  const uint16x8_t high = narrow(search.find(load(w + 8)), search.find(load(w + 12)));
  return vuzp1q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high));
}

template <int kBits>
void find_codes_of(const LooseFloat* w, std::size_t n, const float* thresholds,
                   std::uint8_t* codes) {
  const CodeSearch<kBits> search(thresholds);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    fetch_ahead(w + i);
    vst1q_u8(codes + i, find_sixteen(search, w + i));
  }
  scalar().find_codes(w + i, n - i, thresholds, kBits, codes + i);
}

template <int kBits>
void count_and_find_of(const LooseFloat* w, std::size_t n, std::uint64_t* table, double pivot,
                       MomentSums* sums, const float* thresholds, std::uint8_t* codes) {
  const CodeSearch<kBits> search(thresholds);
  MomentLanes lanes(*sums, pivot);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    count_eight(w + i, table, lanes);
    count_eight(w + i + 8, table, lanes);
    vst1q_u8(codes + i, find_sixteen(search, w + i));
  }
  lanes.store(sums);
  scalar().count_and_find(w + i, n - i, table, pivot, sums, thresholds, kBits, codes + i);
}

template <int kBits>
void expand_of(const std::uint8_t* codes, std::size_t n, const float* levels, float* out) {
  const Expand<kBits> table(levels);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const uint32x4x2_t eight = load_codes(codes + i);
    vst1q_f32(out + i, table.get(eight.val[0]));
    vst1q_f32(out + i + 4, table.get(eight.val[1]));
  }
  scalar().expand(codes + i, n - i, levels, kBits, out + i);
}

/// By the number of bits; null where the tables do not fit the registers.
constexpr decltype(&find_codes_of<1>) kFindCodes[9] = {nullptr, find_codes_of<1>, find_codes_of<2>,
                                                       find_codes_of<3>, find_codes_of<4>};
constexpr decltype(&count_and_find_of<1>) kCountAndFind[9] = {
    nullptr, count_and_find_of<1>, count_and_find_of<2>, count_and_find_of<3>,
    count_and_find_of<4>};
constexpr decltype(&expand_of<1>) kExpand[9] = {nullptr, expand_of<1>, expand_of<2>, expand_of<3>,
                                                expand_of<4>};

void find_codes(const LooseFloat* w, std::size_t n, const float* thresholds, int bits,
                std::uint8_t* codes) {
  if (kFindCodes[bits] != nullptr) return kFindCodes[bits](w, n, thresholds, codes);
  scalar().find_codes(w, n, thresholds, bits, codes);
}

void count_and_find(const LooseFloat* w, std::size_t n, std::uint64_t* table, double pivot,
                    MomentSums* sums, const float* thresholds, int bits, std::uint8_t* codes) {
  if (kCountAndFind[bits] != nullptr) {
    return kCountAndFind[bits](w, n, table, pivot, sums, thresholds, codes);
  }
  scalar().count_and_find(w, n, table, pivot, sums, thresholds, bits, codes);
}

void expand(const std::uint8_t* codes, std::size_t n, const float* levels, int bits, float* out) {
  if (kExpand[bits] != nullptr) return kExpand[bits](codes, n, levels, out);
  scalar().expand(codes, n, levels, bits, out);
}

void pack(const std::uint8_t* codes, std::size_t n, int bits, std::uint8_t* out) {
  if (bits == 8) {
    __builtin_memcpy(out, codes, n);
    return;
  }
  const Packing packing(bits);
  const std::size_t step = 2 * static_cast<std::size_t>(bits);
  std::size_t i = 0;
  // Every store writes 16 bytes, which must lie within the output.
  for (; (n - i) * static_cast<std::size_t>(bits) / 8 >= 16; i += 16, out += step) {
    vst1q_u8(out, packing.pack(vld1q_u8(codes + i)));
  }
  scalar().pack(codes + i, n - i, bits, out);
}

void unpack(const std::uint8_t* in, std::size_t size, std::size_t n, int bits,
            std::uint8_t* codes) {
  if (bits == 8) {
    __builtin_memcpy(codes, in, n);
    return;
  }
  const Packing packing(bits);
  const std::size_t step = 2 * static_cast<std::size_t>(bits);
  std::size_t i = 0;
  std::size_t at = 0;
  for (; i + 16 <= n && at + 16 <= size; i += 16, at += step) {
    vst1q_u8(codes + i, packing.unpack(vld1q_u8(in + at)));
  }
  scalar().unpack(in + at, size - at, n - i, bits, codes + i);
}

/// A machine without gathers has nothing better for tables by key than the scalar loops.
void look_up_codes(const LooseFloat* w, std::size_t n, const std::uint8_t* key_codes,
                   const float* thresholds, std::uint8_t* codes) {
  scalar().look_up_codes(w, n, key_codes, thresholds, codes);
}

void look_up_edge_codes(const LooseFloat* w, std::size_t n, const std::uint8_t* key_codes,
                        std::uint8_t* codes) {
  scalar().look_up_edge_codes(w, n, key_codes, codes);
}

std::size_t select_wanted(const LooseFloat* w, std::size_t n, const WantedKeys& wanted,
                          float* found) {
  return scalar().select_wanted(w, n, wanted, found);
}

void multiply(const LooseFloat* in, std::size_t n, float factor, float* out) {
  scalar().multiply(in, n, factor, out);
}

}  // namespace

const Kernels kNeonKernels = {
    "neon",
    count_keys_by_eights<MomentLanes>,
    add_moments_by_eights<MomentLanes>,
    find_codes,
    count_and_find,
    look_up_codes,
    look_up_edge_codes,
    pack,
    unpack,
    expand,
    find_moves,
    move_in_kernels,
    select_moves,
    select_wanted,
    multiply,
    neon::add_errors,
    neon::find_scales,
};

}  // namespace wquant
