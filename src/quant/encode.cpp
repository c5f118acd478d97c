#include <algorithm>
#include <array>
#include <vector>

#include "base/float_environment.h"
#include "kernels/kernels.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Weights a step: a multiple of 8, so that packed steps meet at byte borders.
constexpr std::size_t kStep = 4096;

}  // namespace

std::uint64_t packed_size(std::uint64_t count, int bits) {
  const auto b = static_cast<std::uint64_t>(bits);
  return count / 8 * b + (count % 8 * b + 7) / 8;
}

void encode(std::span<const float> weights, const Codebook& codebook,
            std::span<std::uint8_t> packed) {
  const FloatEnvironment environment;
  if (packed.size() != packed_size(weights.size(), codebook.bits)) {
    throw Error("the buffer for packed codes has the wrong size");
  }
  std::array<std::uint8_t, kStep> codes;
  std::uint8_t* out = packed.data();
  while (!weights.empty()) {
    const std::size_t n = std::min(weights.size(), kStep);
    kernels().find_codes(weights.data(), n, codebook.thresholds.data(), codebook.bits,
                         codes.data());
    kernels().pack(codes.data(), n, codebook.bits, out);
    out += packed_size(n, codebook.bits);
    weights = weights.subspan(n);
  }
}

void decode(std::span<const std::uint8_t> packed, std::uint64_t first, int bits,
            std::span<const float> levels, std::span<float> out) {
  if (packed.size() < packed_size(first + out.size(), bits)) {
    throw Error("the packed codes are too short");
  }
  std::array<std::uint8_t, kStep> codes;
  while (!out.empty()) {
    // Start at the group of 8 codes that holds the first one: it begins at a byte.
    const std::size_t skip = first % 8;
    const std::size_t n = std::min(out.size() + skip, kStep);
    const std::uint64_t begin = first / 8 * static_cast<std::uint64_t>(bits);
    const std::uint64_t size = packed_size(n, bits);
    kernels().unpack(packed.data() + begin, size, n, bits, codes.data());
    kernels().expand(codes.data() + skip, n - skip, levels.data(), bits, out.data());
    out = out.subspan(n - skip);
    first += n - skip;
  }
}

}  // namespace wquant
