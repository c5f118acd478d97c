#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/onnx_file.h"
#include "wquant/cells.h"

namespace wquant {

/// A tensor that the nodes of a quantized model make, see OnnxExpander.
struct OnnxChain {
  TensorInfo info;
  int bits = 0;
  CellPlan cells;
  std::span<const std::byte> codes, levels, scales;  ///< As in the quantized file.
  const MappedFile* codes_file = nullptr;            ///< That holds the codes, where one does.
};

/// What a quantized model holds.
struct OnnxChains {
  std::vector<OnnxChain> chains;  ///< In the order that nodes make them.
  std::vector<std::size_t> kept;  ///< Tensors of the file that belong to no chain.
};

/// Follows the nodes that quantize wrote, the first so many of the graph. Throws Error when they
/// are not as it wrote them.
OnnxChains find_onnx_chains(const OnnxFile& file, std::size_t nodes);

}  // namespace wquant
