#include "wquant/codebook.h"
#include "wquant/quantize.h"

namespace wquant {

std::uint64_t part_size(const PlannedTensor& tensor, Part part) {
  if (tensor.same_as || tensor.quantized == (part == Part::kKept)) return 0;
  switch (part) {
    case Part::kKept:
      return tensor.info.bytes();
    case Part::kCodes:
      return packed_size(tensor.info.count(), tensor.settings.bits);
    case Part::kLevels:
      return sizeof(float) << tensor.settings.bits;
  }
  return 0;
}

std::uint64_t stored_size(const PlannedTensor& tensor) {
  return part_size(tensor, Part::kKept) + part_size(tensor, Part::kCodes) +
         part_size(tensor, Part::kLevels);
}

}  // namespace wquant
