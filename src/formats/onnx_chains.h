#pragma once

#include <cstddef>
#include <vector>

#include "formats/onnx_file.h"
#include "wquant/cells.h"

namespace wquant {

/// A tensor that the nodes of a quantized model make, see OnnxExpander.
struct OnnxChain {
  TensorInfo info;
  int bits = 0;
  std::size_t codes = 0, levels = 0;  ///< Tensors of the file.
  std::size_t scales = 0;             ///< The same, where cells.has_scales().
  CellPlan cells;
};

/// What a quantized model holds.
struct OnnxChains {
  std::vector<OnnxChain> chains;
  std::vector<std::size_t> kept;  ///< Tensors of the file that belong to no chain.
};

/// Finds the nodes that quantize wrote. Throws Error when they are not as it wrote them.
OnnxChains find_onnx_chains(const OnnxFile& file);

}  // namespace wquant
