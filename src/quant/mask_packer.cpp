#include "quant/mask_packer.h"

#include <algorithm>

#include "kernels/kernels.h"
#include "wquant/codebook.h"

namespace wquant {

void MaskPacker::add(std::span<const std::uint8_t> codes, std::vector<std::uint8_t>& mask,
                     std::vector<std::uint8_t>& packed) {
  std::size_t size = others_.size();
  others_.resize(size + codes.size());
  for (std::size_t first = 0; first < codes.size(); first += 8) {
    const auto eight = codes.subspan(first, std::min<std::size_t>(8, codes.size() - first));
    std::uint8_t bits = 0;
    for (std::size_t i = 0; i < eight.size(); ++i) {
      const std::uint8_t code = eight[i];
      const unsigned other = code != zero_code_ ? 1 : 0;
      // Always written, and kept by counting it: no branch to mispredict.
      others_[size] = static_cast<std::uint8_t>(code - (code > zero_code_ ? 1 : 0));
      size += other;
      bits = static_cast<std::uint8_t>(bits | other << i);
    }
    mask.push_back(bits);
  }
  others_.resize(size);
  pack(size / 8 * 8, packed);
}

void MaskPacker::finish(std::vector<std::uint8_t>& packed) { pack(others_.size(), packed); }

void MaskPacker::pack(std::size_t count, std::vector<std::uint8_t>& packed) {
  const std::size_t before = packed.size();
  packed.resize(before + packed_size(count, bits_));
  kernels().pack(others_.data(), count, bits_, packed.data() + before);
  others_.erase(others_.begin(), others_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace wquant
