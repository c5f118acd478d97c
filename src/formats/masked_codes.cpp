#include "formats/masked_codes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/quantized_file_parts.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Weights at a time: what is made of them stays in the first-level cache.
constexpr std::size_t kStep = 4096;

std::span<const std::uint8_t> bytes_of(std::span<const std::byte> stored) {
  return {reinterpret_cast<const std::uint8_t*>(stored.data()), stored.size()};
}

/// The mask alone. Throws Error where there are too few bytes.
std::span<const std::uint8_t> mask_of(std::span<const std::byte> stored, std::uint64_t count) {
  const std::uint64_t size = mask_bytes(count);
  if (stored.size() >= size) return bytes_of(stored).first(size);
  throw Error(
      fmt::format("codes of {} bytes are too few for a mask of {} weights", stored.size(), count));
}

}  // namespace

MaskedCodes::MaskedCodes(std::span<const std::byte> stored, std::uint64_t count, int bits)
    : mask_(mask_of(stored, count), count), bits_(bits) {
  const std::span<const std::byte> packed = stored.subspan(mask_bytes(count));
  if (packed.size() != packed_size(mask_.ones(), bits)) {
    throw Error(fmt::format("{} bytes of codes beside a mask that names {} weights of {} bits",
                            packed.size(), mask_.ones(), bits),
                "the file is damaged: get it again");
  }
  check_part(Part::kCodes, Dtype::kU8, packed, mask_.ones(), bits);
  packed_ = bytes_of(packed);
}

void MaskedCodes::read(std::uint64_t first, std::span<const float> levels,
                       std::span<float> out) const {
  std::array<float, kStep + 1> values;
  std::uint64_t code = mask_.ones_before(first);
  while (!out.empty()) {
    const std::size_t n = std::min(out.size(), kStep);
    const std::uint64_t end = mask_.ones_before(first + n);
    decode(packed_, code, bits_, levels, std::span(values).first(end - code));
    values[end - code] = 0;
    mask_.spread(first, values, out.first(n));
    out = out.subspan(n);
    first += n;
    code = end;
  }
}

}  // namespace wquant
