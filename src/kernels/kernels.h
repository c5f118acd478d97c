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

/// Sums of d = w - pivot in eight interleaved lanes: lane i takes elements i, i + 8, ...
struct MomentSums {
  double d[8];
  double d2[8];
};

/// What a slab's quantization did, error = w - level; lanes as in MomentSums.
struct ErrorSums {
  double e2[8];
  float max_abs;
};

/// The inner loops. Every implementation gives the same bits.
struct Kernels {
  /// table[bits(w) >> kKeyShift] += 2^40 + bits(w): count and sum of bit patterns in one add.
  void (*count_keys)(const float* w, std::size_t n, std::uint64_t* table);
  /// Adds w - pivot and its square in double to the lanes.
  void (*add_moments)(const float* w, std::size_t n, double pivot, MomentSums* sums);
  /// codes[i] = number of the 2^bits - 1 ascending thresholds <= w[i].
  void (*find_codes)(const float* w, std::size_t n, const float* thresholds, int bits,
                     std::uint8_t* codes);
  /// Adds the errors of the codes, and how often each code comes.
  void (*add_errors)(const float* w, const std::uint8_t* codes, std::size_t n, const float* levels,
                     ErrorSums* sums, std::uint64_t* counts);
  /// Packs n codes as a little-endian bit stream; writes ceil(n * bits / 8) bytes.
  void (*pack)(const std::uint8_t* codes, std::size_t n, int bits, std::uint8_t* out);
  /// Unpacks n codes of a stream of `size` bytes that starts at a byte; the way back of pack.
  void (*unpack)(const std::uint8_t* in, std::size_t size, std::size_t n, int bits,
                 std::uint8_t* codes);
};

/// The implementation for this machine.
const Kernels& kernels();

}  // namespace wquant
