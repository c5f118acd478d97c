#include "formats/quantized_file_parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "wquant/error.h"

namespace wquant {
namespace {

constexpr const char* kDamaged = "the file is damaged: get it again";
constexpr std::size_t kMostLevels = 256;

void check_levels(std::span<const std::byte> bytes) {
  std::array<float, kMostLevels> values;
  const std::size_t size = std::min(bytes.size(), sizeof values);
  std::memcpy(values.data(), bytes.data(), size);
  const std::span<const float> levels = std::span(values).first(size / sizeof(float));
  if (!std::all_of(levels.begin(), levels.end(),
                   [](float level) { return std::isfinite(level); })) {
    throw Error("levels are not all finite", kDamaged);
  }
  if (!std::is_sorted(levels.begin(), levels.end())) throw Error("levels do not ascend", kDamaged);
}

/// The bits of the last byte that belong to no code must be 0.
void check_unused_bits(std::span<const std::byte> codes, std::uint64_t count, int bits) {
  const std::uint64_t used = count * static_cast<std::uint64_t>(bits) % 8;
  if (used != 0 && std::to_integer<unsigned>(codes.back()) >> used != 0) {
    throw Error("unused bits of the codes are not 0", kDamaged);
  }
}

}  // namespace

void check_part(Part part, std::span<const std::byte> bytes, std::uint64_t count, int bits) {
  if (part == Part::kLevels) check_levels(bytes);
  if (part == Part::kCodes) check_unused_bits(bytes, count, bits);
}

}  // namespace wquant
