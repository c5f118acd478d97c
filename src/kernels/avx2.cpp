// Compiled for AVX2 and reached only through the table: nothing from the standard library's
// templates may be used here, or its instances could serve callers on machines without AVX2.
#include <immintrin.h>

#include "kernels/avx2_cells.h"
#include "kernels/avx2_levels.h"
#include "kernels/avx2_moves.h"
#include "kernels/avx2_packing.h"
#include "kernels/count_by_eights.h"
#include "kernels/fetch_ahead.h"
#include "kernels/kernels.h"

namespace wquant {
namespace {

/// What is left over after the wide steps.
const Kernels& scalar() { return kScalarKernels; }

/// d = w - pivot of eight weights, in two halves.
struct MomentLanes {
  __m256d d_low, d_high, d2_low, d2_high, pivot;

  MomentLanes(const MomentSums& sums, double p)
      : d_low(_mm256_loadu_pd(sums.d)),
        d_high(_mm256_loadu_pd(sums.d + 4)),
        d2_low(_mm256_loadu_pd(sums.d2)),
        d2_high(_mm256_loadu_pd(sums.d2 + 4)),
        pivot(_mm256_set1_pd(p)) {}

  void add(const LooseFloat* w) {
    const __m256d low = _mm256_sub_pd(_mm256_cvtps_pd(load_four(w)), pivot);
    const __m256d high = _mm256_sub_pd(_mm256_cvtps_pd(load_four(w + 4)), pivot);
    d_low = _mm256_add_pd(d_low, low);
    d_high = _mm256_add_pd(d_high, high);
    d2_low = _mm256_add_pd(d2_low, _mm256_mul_pd(low, low));
    d2_high = _mm256_add_pd(d2_high, _mm256_mul_pd(high, high));
  }

  void store(MomentSums* sums) const {
    _mm256_storeu_pd(sums->d, d_low);
    _mm256_storeu_pd(sums->d + 4, d_high);
    _mm256_storeu_pd(sums->d2, d2_low);
    _mm256_storeu_pd(sums->d2 + 4, d2_high);
  }
};

/// Four vectors of 32-bit codes as 32 bytes.
__m256i narrow(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

template <int kBits>
void find_codes_of(const LooseFloat* w, std::size_t n, const float* thresholds,
                   std::uint8_t* codes) {
  const CodeSearch<kBits> search(thresholds);
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    __m256i found[4];
    for (std::size_t j = 0; j < 4; ++j) {
      fetch_ahead(w + i + 8 * j);
      found[j] = search.find(load_eight(w + i + 8 * j));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i),
                        narrow(found[0], found[1], found[2], found[3]));
  }
  scalar().find_codes(w + i, n - i, thresholds, kBits, codes + i);
}

template <int kBits>
void count_and_find_in_registers(const LooseFloat* w, std::size_t n, std::uint64_t* table,
                                 double pivot, MomentSums* sums, const float* thresholds,
                                 std::uint8_t* codes) {
  const CodeSearch<kBits> search(thresholds);
  MomentLanes lanes(*sums, pivot);
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    __m256i found[4];
    for (std::size_t j = 0; j < 4; ++j) {
      count_eight(w + i + 8 * j, table, lanes);
      found[j] = search.find(load_eight(w + i + 8 * j));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i),
                        narrow(found[0], found[1], found[2], found[3]));
  }
  lanes.store(sums);
  scalar().count_and_find(w + i, n - i, table, pivot, sums, thresholds, kBits, codes + i);
}

/// By the number of bits.
constexpr decltype(&find_codes_of<1>) kFindCodes[9] = {
    nullptr,          find_codes_of<1>, find_codes_of<2>, find_codes_of<3>, find_codes_of<4>,
    find_codes_of<5>, find_codes_of<6>, find_codes_of<7>, find_codes_of<8>,
};
/// Null where the thresholds do not fit the registers.
constexpr decltype(&count_and_find_in_registers<1>) kCountAndFind[9] = {
    nullptr,
    count_and_find_in_registers<1>,
    count_and_find_in_registers<2>,
    count_and_find_in_registers<3>,
    count_and_find_in_registers<4>,
};

void find_codes(const LooseFloat* w, std::size_t n, const float* thresholds, int bits,
                std::uint8_t* codes) {
  kFindCodes[bits](w, n, thresholds, codes);
}

void count_and_find(const LooseFloat* w, std::size_t n, std::uint64_t* table, double pivot,
                    MomentSums* sums, const float* thresholds, int bits, std::uint8_t* codes) {
  if (kCountAndFind[bits] != nullptr) {
    return kCountAndFind[bits](w, n, table, pivot, sums, thresholds, codes);
  }
  scalar().count_and_find(w, n, table, pivot, sums, thresholds, bits, codes);
}

/// Gathers are slow on many machines, while a table of one byte a key lies in the first-level cache
/// as far as it is used: nothing beats the scalar loops.
void look_up_codes(const LooseFloat* w, std::size_t n, const std::uint8_t* key_codes,
                   const float* thresholds, std::uint8_t* codes) {
  scalar().look_up_codes(w, n, key_codes, thresholds, codes);
}

void look_up_edge_codes(const LooseFloat* w, std::size_t n, const std::uint8_t* key_codes,
                        std::uint8_t* codes) {
  scalar().look_up_edge_codes(w, n, key_codes, codes);
}

template <int kBits>
void expand_in_registers(const std::uint8_t* codes, std::size_t n, const float* levels,
                         float* out) {
  const Expand<kBits> table(levels);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, table.get(load_codes(codes + i)));
  scalar().expand(codes + i, n - i, levels, 0, out + i);
}

constexpr decltype(&expand_in_registers<1>) kExpand[9] = {
    nullptr,
    expand_in_registers<1>,
    expand_in_registers<2>,
    expand_in_registers<3>,
    expand_in_registers<4>,
};

/// Loads of single levels that are stored together: faster than gathers, and than single stores.
void expand_by_loads(const std::uint8_t* codes, std::size_t n, const float* levels, float* out) {
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    std::uint64_t eight = 0;
    __builtin_memcpy(&eight, codes + i, sizeof eight);
    const auto level = [&](int j) { return levels[eight >> (8 * j) & 0xff]; };
    _mm256_storeu_ps(out + i, _mm256_setr_ps(level(0), level(1), level(2), level(3), level(4),
                                             level(5), level(6), level(7)));
  }
  scalar().expand(codes + i, n - i, levels, 0, out + i);
}

void expand(const std::uint8_t* codes, std::size_t n, const float* levels, int bits, float* out) {
  if (kExpand[bits] != nullptr) return kExpand[bits](codes, n, levels, out);
  expand_by_loads(codes, n, levels, out);
}

void pack(const std::uint8_t* codes, std::size_t n, int bits, std::uint8_t* out) {
  if (bits == 8) {
    __builtin_memcpy(out, codes, n);
    return;
  }
  const Packing packing(bits);
  const std::size_t half = 2 * static_cast<std::size_t>(bits);
  std::size_t i = 0;
  // Every store writes 16 bytes, which must lie within the output.
  for (; i + 32 <= n && half + 16 <= (n - i) * static_cast<std::size_t>(bits) / 8;
       i += 32, out += 2 * half) {
    const __m256i packed =
        packing.pack(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + i)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(packed));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + half), _mm256_extracti128_si256(packed, 1));
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
  const std::size_t half = 2 * static_cast<std::size_t>(bits);
  std::size_t i = 0;
  std::size_t at = 0;
  for (; i + 32 <= n && at + half + 16 <= size; i += 32, at += 2 * half) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at + half));
    const __m256i bytes = packing.unpack(_mm256_set_m128i(high, low));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i), bytes);
  }
  scalar().unpack(in + at, size - at, n - i, bits, codes + i);
}

std::size_t select_wanted(const LooseFloat* w, std::size_t n, const WantedKeys& wanted,
                          float* found) {
  if (wanted.edges == nullptr) return scalar().select_wanted(w, n, wanted, found);
  const CodeSearch<4> search(wanted.edges);
  std::size_t count = 0;
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    fetch_ahead(w + i);
    const __m256 weights = load_eight(w + i);
    const __m256i odd = _mm256_slli_epi32(search.find(magnitude(weights)), 31);
    const auto mask = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(odd)));
    // Eight are stored, of which so many count.
    const __m256i places = load_codes(kPlaces[mask].data());
    _mm256_storeu_ps(found + count, _mm256_permutevar8x32_ps(weights, places));
    count += static_cast<unsigned>(__builtin_popcount(mask));
  }
  return count + scalar().select_wanted(w + i, n - i, wanted, found + count);
}

}  // namespace

const Kernels kAvx2Kernels = {
    "avx2",
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
    avx2::multiply,
    avx2::add_errors,
    avx2::find_scales,
};

}  // namespace wquant
