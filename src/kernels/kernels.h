#pragma once

#include <cstddef>
#include <cstdint>

namespace wquant {

/// Mantissa bits of a histogram key: key = bit pattern >> kKeyShift.
inline constexpr int kKeyMantissa = 9;
inline constexpr int kKeyShift = 23 - kKeyMantissa;
/// Number of keys: sign, exponent, mantissa bits.
inline constexpr std::size_t kKeys = std::size_t{1} << (9 + kKeyMantissa);
/// Most weights that count_keys() may add before the table must be flushed.
inline constexpr std::uint64_t kKeyFlush = std::uint64_t{1} << 23;

/// Weights as they lie in a file: at any address.
using LooseFloat = float __attribute__((aligned(1)));

/// A run of such weights.
struct WeightView {
  const LooseFloat* data = nullptr;
  std::size_t size = 0;

  [[nodiscard]] WeightView part(std::size_t first, std::size_t count) const {
    return {data + first, count};
  }
};

/// Sums of d = w - pivot in eight interleaved lanes: lane i takes elements i, i + 8, ...
struct MomentSums {
  double d[8];
  double d2[8];
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
  /// The same where no key holds more than one threshold, or one at its edge: key_codes has the
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

}  // namespace wquant
