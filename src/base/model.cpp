#include "wquant/model.h"

#include <fmt/format.h>

#include <limits>

#include "base/float_convert.h"
#include "base/float_environment.h"
#include "wquant/error.h"

namespace wquant {

std::uint64_t TensorInfo::count() const {
  std::uint64_t count = 1;
  for (const std::uint64_t extent : shape) count *= extent;
  return count;
}

std::uint64_t checked_count(std::span<const std::uint64_t> shape, std::size_t element_size) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t bytes = element_size;
  for (const std::uint64_t extent : shape) {
    // Zero extents do not excuse the others: [2^40, 2^40, 0] is refused like [2^40, 2^40].
    if (extent > 1 && bytes > kMax / extent) {
      throw Error("shape " + shape_text(shape) + " is too large");
    }
    if (extent > 1) bytes *= extent;
  }
  for (const std::uint64_t extent : shape) {
    if (extent == 0) return 0;
  }
  return bytes / element_size;
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

void ModelReader::read_floats(std::size_t index, std::uint64_t first, std::span<float> out) const {
  const FloatEnvironment environment;
  const TensorInfo& info = tensors()[index];
  const std::size_t size = size_of(info.dtype);
  const std::span<const std::byte> whole = view(index);
  if (!whole.empty()) {
    to_floats(info.dtype, whole.subspan(first * size, out.size() * size), out);
    return;
  }
  if (info.dtype == Dtype::kF32) {
    read(index, first * size, std::as_writable_bytes(out));
    return;
  }
  std::vector<std::byte> bytes(out.size() * size);
  read(index, first * size, bytes);
  to_floats(info.dtype, bytes, out);
}

}  // namespace wquant
