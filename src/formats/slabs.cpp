#include "formats/slabs.h"

#include <algorithm>
#include <vector>

namespace wquant {
namespace {

constexpr std::uint64_t kSlab = std::uint64_t{1} << 20;

}  // namespace

std::uint64_t total_bytes(const ModelReader& model) {
  std::uint64_t total = 0;
  for (const TensorInfo& info : model.tensors()) total += info.bytes();
  return total;
}

void for_each_slab(const ModelReader& model, std::size_t index, Meter& meter,
                   const std::function<void(std::span<const std::byte>)>& use) {
  const std::uint64_t size = model.tensors()[index].bytes();
  const std::span<const std::byte> whole = model.view(index);
  std::vector<std::byte> slab(whole.empty() ? std::min(size, kSlab) : 0);
  for (std::uint64_t first = 0; first < size; first += kSlab) {
    const std::uint64_t length = std::min(kSlab, size - first);
    if (whole.empty()) model.read(index, first, std::span(slab).first(length));
    use(whole.empty() ? std::span<const std::byte>(slab).first(length)
                      : whole.subspan(first, length));
    model.release(index, first, length);
    meter.add(length);
  }
}

}  // namespace wquant
