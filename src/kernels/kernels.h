#pragma once

#include <cstddef>
#include <cstdint>

namespace wquant {

/// Mantissa bits of a histogram key: key = bit pattern >> kKeyShift.
inline constexpr int kKeyMantissa = 9;
inline constexpr int kKeyShift = 23 - kKeyMantissa;
/// Number of keys: sign, exponent, mantissa bits.
inline constexpr std::size_t kKeys = std::size_t{1} << (9 + kKeyMantissa);
/// Most weights that count_keys() may add before the table must be flushed: so many times
/// 2^40 + 2^32 are less than 2^64.
inline constexpr std::uint64_t kKeyFlush = std::uint64_t{15} << 20;

/// Weights as they lie in a file: at any address. Templates take pointers to them for pointers to
/// float, which lie at multiples of four bytes: such pointers are not for them.
using LooseFloat __attribute__((aligned(1))) = float;

/// A run of such weights.
struct WeightView {
  const LooseFloat* data = nullptr;
  std::size_t size = 0;

  [[nodiscard]] WeightView part(std::size_t first, std::size_t count) const {
    return {data + first, count};
  }
  /// There is at least one weight, and room for all of them.
  void copy_to(float* out) const { __builtin_memcpy(out, data, size * sizeof(float)); }
};

/// Sums of d = w - pivot in eight interleaved lanes: lane i takes elements i, i + 8, ...
struct MomentSums {
  double d[8];
  double d2[8];
};

/// What weights become: levels[code], times a scale of each weight's own where there are scales.
struct ScaledLevels {
  const float* levels;
  int bits;
  const float* scales;  ///< By weight, or null.
};

/// Of some weights: the error, what a weight becomes less the weight, and what the move to the next
/// level on the other side of it adds. A move costs |step| - 2 |error| of squared error for each
/// unit of the step.
struct Moves {
  float* errors;
  float* steps;  ///< 0 where there is no such level, and once the weight has moved.
};

/// The sum of errors in eight interleaved lanes, and the least |step| that is not 0.
struct MoveSums {
  double errors[8] = {};
  float least_step = __builtin_inff();
};

/// Which of some moves are looked for.
struct MoveQuery {
  float sign, most;      ///< 0 < sign * step < most
  float above, at_most;  ///< above < cost <= at_most
};

/// Kernels whose weights move in turns, see Kernels::move_in_kernels, and most weights that one of
/// them has.
inline constexpr std::size_t kSideBySide = 8;
inline constexpr std::size_t kMostSideBySide = 64;

/// A weight that has moved.
struct MovedWeight {
  std::uint32_t index;
  float step;
};

/// Edges of the ranges of magnitudes that are wanted: one for each threshold of 4 bits.
inline constexpr std::size_t kWantedEdges = 15;

/// Weights that are wanted, by the histogram key of their magnitude.
struct WantedKeys {
  const std::uint8_t* flags;  ///< 1 for each wanted key, else 0.
  /// The same: so many ascending edges, of which an odd number is <= |w|. Null: it would take more.
  const float* edges;
};

/// Sums over weights w and their levels l. Eight lanes are added up one by one, then lanes 4 apart,
/// 2 apart and 1 apart.
struct Projection {
  float products = 0;  ///< w l
  float squares = 0;   ///< l^2
};

/// Sums over weights w and what they became, q, of d = w - pivot and e = w - q, and the largest
/// magnitudes: in eight interleaved lanes.
struct ErrorLanes {
  float d[8], d2[8], e[8], e2[8], de[8], max_e[8], max_q[8];
};

/// Cells whose scale is less count as zeros, so that no inverse overflows.
inline constexpr float kLeastScale = 0x1p-120F;

/// How scales of cells are searched: the levels that they multiply, and which scales are tried.
struct ScaleSearch {
  const float* thresholds = nullptr;  ///< For weights over their scale, see Kernels::find_codes.
  const float* levels = nullptr;
  const float* key_levels = nullptr;  ///< By histogram key; null: `thresholds` and `levels` serve.
  int bits = 0;
  float spread = 1;             ///< A cell's scale is about so many times its norm.
  const float* wide = nullptr;  ///< Factors of that which are tried first.
  std::size_t wides = 0;
  const float* narrow = nullptr;  ///< Then factors of the best.
  std::size_t narrows = 0;
  bool mirrored = false;  ///< Thresholds and levels are those of magnitudes.
};

/// The least-squares scale for the codes of the best one that was tried.
struct FoundScale {
  float scale = 0;
  float explained = 0;  ///< Sum of w^2 less that of the squared errors.
};

/// The inner loops. Every implementation gives the same bits.
struct Kernels {
  const char* name;
  /// table[bits(w) >> kKeyShift] += 2^40 + bits(w): count and sum of bit patterns in one add. Adds
  /// w - pivot and its square in double to the lanes, in the shadow of the memory accesses.
  void (*count_keys)(const LooseFloat* w, std::size_t n, std::uint64_t* table, double pivot,
                     MomentSums* sums);
  /// The moments alone.
  void (*add_moments)(const LooseFloat* w, std::size_t n, double pivot, MomentSums* sums);
  /// codes[i] = number of the 2^bits - 1 ascending thresholds <= w[i].
  void (*find_codes)(const LooseFloat* w, std::size_t n, const float* thresholds, int bits,
                     std::uint8_t* codes);
  /// count_keys() and find_codes() of up to 4 bits in one go: the search, too, hides behind the
  /// memory accesses.
  void (*count_and_find)(const LooseFloat* w, std::size_t n, std::uint64_t* table, double pivot,
                         MomentSums* sums, const float* thresholds, int bits, std::uint8_t* codes);
  /// find_codes() where no key holds more than one threshold, or one at its edge: key_codes has the
  /// code of the smallest weight of every key, and `thresholds` ends with one infinity more.
  void (*look_up_codes)(const LooseFloat* w, std::size_t n, const std::uint8_t* key_codes,
                        const float* thresholds, std::uint8_t* codes);
  /// The same where every threshold is the edge of a key.
  void (*look_up_edge_codes)(const LooseFloat* w, std::size_t n, const std::uint8_t* key_codes,
                             std::uint8_t* codes);
  /// Packs n codes as a little-endian bit stream; writes ceil(n * bits / 8) bytes.
  void (*pack)(const std::uint8_t* codes, std::size_t n, int bits, std::uint8_t* out);
  /// Unpacks n codes of a stream of `size` bytes that starts at a byte; the way back of pack.
  void (*unpack)(const std::uint8_t* in, std::size_t size, std::size_t n, int bits,
                 std::uint8_t* codes);
  /// out[i] = levels[codes[i]].
  void (*expand)(const std::uint8_t* codes, std::size_t n, const float* levels, int bits,
                 float* out);
  /// Fills the moves of n weights and adds to the sums, of which weight i belongs to lane i % 8.
  void (*find_moves)(const LooseFloat* w, const std::uint8_t* codes, std::size_t n,
                     const ScaledLevels& became, const Moves& moves, MoveSums* sums);
  /// Moves weights of `count` kernels of `size` weights each, at most kMostSideBySide, one kernel
  /// after the other: while there is a move that brings the sum s of a kernel's errors nearer to 0
  /// and has |step| < pull 2 |s| + (1 - pull) 2 |error|, the one that costs least, of equal ones
  /// the first. Returns how many they were and writes them, for which there must be room for all
  /// weights: kSideBySide kernels take turns.
  std::size_t (*move_in_kernels)(std::size_t size, std::size_t count, float pull,
                                 const Moves& moves, MovedWeight* moved);
  /// Writes the indices of those of n moves that the query asks for, ascending, and returns how
  /// many they are; `found` has room for n, what is left of it holds anything.
  std::size_t (*select_moves)(const float* errors, const float* steps, std::size_t n,
                              const MoveQuery& query, std::uint32_t* found);
  /// Writes the wanted of n finite weights, in their order, and returns how many they are; `found`
  /// has room for n, what is left of it holds anything.
  std::size_t (*select_wanted)(const LooseFloat* w, std::size_t n, const WantedKeys& wanted,
                               float* found);
  /// out[i] = in[i] * factor; `in` may be `out`.
  void (*multiply)(const LooseFloat* in, std::size_t n, float factor, float* out);
  /// Adds n weights to the lanes.
  void (*add_errors)(const LooseFloat* w, const float* q, std::size_t n, float pivot,
                     ErrorLanes* lanes);
  /// The scales of `cells` cells of `run` weights each. They are searched around found[i].scale;
  /// where that is 0, around the cell's norm (mean w^8)^(1/8), which is near its largest magnitude
  /// but moved less by a single weight.
  void (*find_scales)(const LooseFloat* w, std::size_t run, std::size_t cells,
                      const ScaleSearch& search, FoundScale* found);
};

/// The fastest implementation that this machine runs, or the one that the environment variable
/// WQUANT_KERNELS names.
const Kernels& kernels();

/// The implementations that this machine runs, the fastest last, and how many they are.
struct KernelList {
  const Kernels* const* begin;
  std::size_t size;
};
KernelList runnable_kernels();

extern const Kernels kScalarKernels;
#ifdef WQUANT_AVX2
extern const Kernels kAvx2Kernels;
#endif
#ifdef WQUANT_NEON
extern const Kernels kNeonKernels;
#endif

}  // namespace wquant
