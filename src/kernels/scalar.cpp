#include <cmath>
#include <cstring>

#include "kernels/kernels.h"

namespace wquant {
namespace {

void count_keys(const float* w, std::size_t n, std::uint64_t* table) {
  for (std::size_t i = 0; i < n; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, w + i, sizeof bits);
    table[bits >> kKeyShift] += (std::uint64_t{1} << 40) + bits;
  }
}

void add_moments(const float* w, std::size_t n, double pivot, MomentSums* sums) {
  const auto add = [&](std::size_t i, std::size_t lane) {
    const double d = static_cast<double>(w[i]) - pivot;
    sums->d[lane] += d;
    sums->d2[lane] += d * d;
  };
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) add(i + lane, lane);
  }
  for (; i < n; ++i) add(i, i % 8);
}

void find_codes(const float* w, std::size_t n, const float* thresholds, int bits,
                std::uint8_t* codes) {
  for (std::size_t i = 0; i < n; ++i) {
    unsigned code = 0;
    // Bit by bit from the top: thresholds[code + half - 1] splits what is left.
    for (unsigned half = 1U << (bits - 1); half != 0; half >>= 1) {
      code += thresholds[code + half - 1] <= w[i] ? half : 0;
    }
    codes[i] = static_cast<std::uint8_t>(code);
  }
}

void add_errors(const float* w, const std::uint8_t* codes, std::size_t n, const float* levels,
                ErrorSums* sums, std::uint64_t* counts) {
  for (std::size_t i = 0; i < n; ++i) {
    const double error = static_cast<double>(w[i]) - static_cast<double>(levels[codes[i]]);
    sums->e2[i % 8] += error * error;
    const float size = static_cast<float>(std::fabs(error));
    sums->max_abs = size > sums->max_abs ? size : sums->max_abs;
    ++counts[codes[i]];
  }
}

void pack(const std::uint8_t* codes, std::size_t n, int bits, std::uint8_t* out) {
  std::uint32_t held = 0;
  int count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    held |= static_cast<std::uint32_t>(codes[i]) << count;
    for (count += bits; count >= 8; count -= 8, held >>= 8) {
      *out++ = static_cast<std::uint8_t>(held);
    }
  }
  if (count > 0) *out = static_cast<std::uint8_t>(held);
}

void unpack(const std::uint8_t* in, std::size_t size, std::size_t n, int bits,
            std::uint8_t* codes) {
  const std::uint8_t* end = in + size;
  const std::uint32_t mask = (1U << bits) - 1;
  std::uint32_t held = 0;
  int count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (count < bits && in != end) {
      held |= static_cast<std::uint32_t>(*in++) << count;
      count += 8;
    }
    codes[i] = static_cast<std::uint8_t>(held & mask);
    held >>= bits;
    count -= bits;
  }
}

}  // namespace

const Kernels& kernels() {
  static constexpr Kernels kScalar = {count_keys, add_moments, find_codes,
                                      add_errors, pack,        unpack};
  return kScalar;
}

}  // namespace wquant
