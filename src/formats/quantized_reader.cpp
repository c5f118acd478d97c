#include "formats/quantized_reader.h"

#include <algorithm>
#include <cmath>

#include "formats/onnx.h"
#include "formats/quantized_file.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr const char* kDamaged = "the file is damaged: get it again";

}  // namespace

std::unique_ptr<QuantizedReader> open_quantized_file(const std::filesystem::path& path) {
  if (is_quantized_onnx(path)) return open_quantized_onnx(path);
  return std::make_unique<QuantizedModel>(path);
}

void check_levels(std::span<const float> levels) {
  if (!std::all_of(levels.begin(), levels.end(),
                   [](float level) { return std::isfinite(level); })) {
    throw Error("levels are not all finite", kDamaged);
  }
  if (!std::is_sorted(levels.begin(), levels.end())) throw Error("levels do not ascend", kDamaged);
}

void check_unused_bits(std::span<const std::byte> codes, std::uint64_t used) {
  const std::span<const std::byte> rest = codes.subspan(used / 8);
  const bool clear = rest.empty() || (std::to_integer<unsigned>(rest.front()) >> used % 8 == 0 &&
                                      std::all_of(rest.begin() + 1, rest.end(), [](std::byte byte) {
                                        return byte == std::byte();
                                      }));
  if (!clear) throw Error("unused bits of the codes are not 0", kDamaged);
}

}  // namespace wquant
