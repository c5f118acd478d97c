#include "quant/mask_packer.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/kernels.h"
#include "wquant/codebook.h"

namespace wquant {
namespace {

constexpr std::size_t kAtOnce = 8;
constexpr std::uint64_t kEveryByte = 0x0101010101010101;

/// Where the ones of a byte are, from the lowest on.
using Places = std::array<std::uint8_t, kAtOnce>;
constexpr auto kPlaces = [] {
  std::array<Places, 256> all = {};
  for (std::size_t bits = 0; bits < all.size(); ++bits) {
    std::size_t ones = 0;
    for (std::uint8_t i = 0; i < kAtOnce; ++i) {
      if ((bits >> i & 1) != 0) all[bits][ones++] = i;
    }
  }
  return all;
}();

/// Bit i tells whether byte i differs from the code.
std::uint8_t differing(const std::uint8_t* codes, std::uint8_t code) {
  constexpr std::uint64_t kHigh = 0x80 * kEveryByte;
  std::uint64_t eight = 0;
  std::memcpy(&eight, codes, sizeof eight);
  eight ^= code * kEveryByte;
  const std::uint64_t high = (((eight & ~kHigh) + ~kHigh) | eight) & kHigh;
  // Gathers the bits in the uppermost byte, none meeting another.
  return static_cast<std::uint8_t>((high >> 7) * 0x0102040810204080 >> 56);
}

}  // namespace

MaskPacker::MaskPacker(std::uint8_t zero_code, int bits) : zero_code_(zero_code), bits_(bits) {
  for (std::size_t code = 0; code < stored_.size(); ++code) {
    stored_[code] = static_cast<std::uint8_t>(code - (code > zero_code ? 1 : 0));
  }
}

void MaskPacker::add(std::span<const std::uint8_t> codes, std::vector<std::uint8_t>& mask,
                     std::vector<std::uint8_t>& packed) {
  std::size_t size = others_.size();
  others_.resize(size + codes.size() + kAtOnce);
  for (std::size_t first = 0; first < codes.size(); first += kAtOnce) {
    // Filled up with zeros, which leave no code.
    Places eight;
    eight.fill(zero_code_);
    const std::size_t count = std::min(kAtOnce, codes.size() - first);
    std::memcpy(eight.data(), codes.data() + first, count);
    const std::uint8_t bits = differing(eight.data(), zero_code_);
    const Places& places = kPlaces[bits];
    // Always eight, of which those count that there are: no branch to mispredict.
    for (std::size_t i = 0; i < kAtOnce; ++i) others_[size + i] = stored_[eight[places[i]]];
    size += static_cast<std::size_t>(std::popcount(bits));
    mask.push_back(bits);
  }
  others_.resize(size);
  pack(size / kAtOnce * kAtOnce, packed);
}

void MaskPacker::finish(std::vector<std::uint8_t>& packed) { pack(others_.size(), packed); }

void MaskPacker::pack(std::size_t count, std::vector<std::uint8_t>& packed) {
  const std::size_t before = packed.size();
  packed.resize(before + packed_size(count, bits_));
  kernels().pack(others_.data(), count, bits_, packed.data() + before);
  others_.erase(others_.begin(), others_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace wquant
