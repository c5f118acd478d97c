#include "formats/quantized_file_parts.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/cell_walk.h"
#include "base/float_convert.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr const char* kDamaged = "the file is damaged: get it again";

void check_levels(std::span<const float> levels) {
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

void check_scales(std::span<const std::byte> halves) {
  constexpr std::size_t kSize = sizeof(std::uint16_t);
  constexpr std::uint16_t kInfinity = 0x7C00;  // NaN and negative ones have larger patterns.
  for (std::size_t at = 0; at < halves.size(); at += kSize) {
    std::uint16_t half = 0;
    std::memcpy(&half, halves.data() + at, kSize);
    if (half >= kInfinity) throw Error("scales are not all finite and positive or 0", kDamaged);
  }
}

}  // namespace

std::vector<float> stored_levels(Dtype dtype, std::span<const std::byte> bytes) {
  std::vector<float> levels(bytes.size() / size_of(dtype));
  to_floats(dtype, bytes, levels);
  return levels;
}

void check_part(Part part, Dtype dtype, std::span<const std::byte> bytes, std::uint64_t count,
                int bits) {
  if (part == Part::kLevels) check_levels(stored_levels(dtype, bytes));
  if (part == Part::kScales) check_scales(bytes);
  if (part == Part::kCodes) check_unused_bits(bytes, count, bits);
}

bool divides(const CellPlan& cells, std::uint64_t weights) {
  if (cells.run == 0 || cells.cells == 0 || cells.run > weights) return false;
  if (cells.granularity == Granularity::kGroup) {
    return cells.cells == (weights - 1) / cells.run + 1;
  }
  return weights / cells.run >= cells.cells && weights % (cells.run * cells.cells) == 0;
}

void apply_scales(const CellPlan& cells, std::span<const std::byte> halves, std::uint64_t first,
                  std::span<float> levels) {
  constexpr std::size_t kSize = sizeof(std::uint16_t);
  for_each_run(cells, first, levels.size(),
               [&](std::uint64_t cell, std::uint64_t from, std::uint64_t count) {
                 float scale = 0;
                 to_floats(Dtype::kF16, halves.subspan(cell * kSize, kSize), {&scale, 1});
                 for (std::uint64_t i = from; i < from + count; ++i) levels[i] *= scale;
               });
}

}  // namespace wquant
