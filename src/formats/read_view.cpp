#include "formats/read_view.h"

#include <cstring>

#include "wquant/error.h"

namespace wquant {

void read_view(const ModelReader& model, std::size_t index, std::uint64_t first,
               std::span<std::byte> out) {
  check_range(model, index, first, out.size());
  if (!out.empty()) std::memcpy(out.data(), model.view(index).data() + first, out.size());
}

void check_range(const ModelReader& model, std::size_t index, std::uint64_t first,
                 std::uint64_t size) {
  const TensorInfo& info = model.tensors()[index];
  if (first <= info.bytes() && size <= info.bytes() - first) return;
  throw Error("range lies outside the tensor").at_tensor(info.name).at_file(model.path());
}

}  // namespace wquant
