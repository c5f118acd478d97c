#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/byte_rope.h"
#include "formats/onnx_file.h"
#include "wquant/quantize.h"

namespace wquant {

/// What becomes of one tensor of a model that is written anew.
struct OnnxEdit {
  enum class Kind : std::uint8_t {
    kCopy,     ///< It stays as it is.
    kReplace,  ///< Its data are replaced by the hole of Part::kData.
    kExpand,   ///< Nodes make it of the holes of its quantized parts.
  };
  Kind kind = Kind::kCopy;
  int bits = 0;         ///< Of kExpand.
  CellPlan cells = {};  ///< Of kExpand.
};

/// Number of the hole for a part of a tensor.
std::size_t onnx_hole(std::size_t tensor, Part part);
/// That for the text of the checksums of a quantized model, see onnx_checks_text().
inline constexpr std::size_t kOnnxChecksHole = ByteRope::kNoHole - 1;

/// A model as its files will be.
struct OnnxLayout {
  ByteRope model;
  ByteRope data;                      ///< Of the file beside it; empty when there is none.
  std::vector<std::size_t> expanded;  ///< Tensors of kExpand, in the order that nodes make them.
  std::size_t nodes = 0;              ///< That make them, the first of the graph.
};

/// Larger models keep the data of their tensors in another file: a protobuf message is limited to
/// 2 GiB.
inline constexpr std::uint64_t kMaxOnnxModel = (std::uint64_t{1} << 31) - (std::uint64_t{1} << 20);

/// The model of `file` with edits[i] applied to its tensor i; all else stays byte for byte.
/// `data_name` names the file for the data of a model of more than `limit` bytes. Throws Error for
/// a model whose operators are too old for kExpand. The layout points into `file`.
OnnxLayout rewrite_onnx(const OnnxFile& file, std::span<const OnnxEdit> edits,
                        const std::string& data_name, std::uint64_t limit = kMaxOnnxModel);

}  // namespace wquant
