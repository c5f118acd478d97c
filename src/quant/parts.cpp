#include "coding/coded_tensor.h"
#include "wquant/codebook.h"
#include "wquant/quantize.h"

namespace wquant {

bool has_part(const PlannedTensor& tensor, Part part) {
  if (tensor.same_as) return false;
  if (part == Part::kScales && !tensor.cells.has_scales()) return false;
  const bool is_data = !tensor.quantized || tensor.is_f16();
  return is_data == (part == Part::kData);
}

std::uint64_t part_size(const PlannedTensor& tensor, Part part) {
  if (!has_part(tensor, part)) return 0;
  const bool coded = tensor.settings.coding == Coding::kEntropy;
  switch (part) {
    case Part::kData:
      return tensor.quantized ? tensor.info.count() * size_of(Dtype::kF16) : tensor.info.bytes();
    case Part::kCodes:
      return coded ? most_coded_bytes(tensor.info.count())
                   : packed_size(tensor.info.count(), tensor.settings.bits);
    case Part::kLevels:
      return coded ? sizeof(float) * kMostLevels : size_of(tensor.levels) << tensor.settings.bits;
    case Part::kScales:
      return tensor.cells.cells * size_of(Dtype::kF16);
  }
  return 0;
}

std::uint64_t stored_size(const PlannedTensor& tensor) {
  if (tensor.estimated_bytes && !tensor.same_as) return *tensor.estimated_bytes;
  return part_size(tensor, Part::kData) + part_size(tensor, Part::kCodes) +
         part_size(tensor, Part::kLevels) + part_size(tensor, Part::kScales);
}

}  // namespace wquant
