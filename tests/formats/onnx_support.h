#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/onnx_proto.h"
#include "formats/wire.h"

namespace wquant::test {

/// A TensorProto of FLOAT elements without its data.
inline WireMessage onnx_head(std::string_view name, const std::vector<std::uint64_t>& shape,
                             std::uint64_t type = OnnxType::kFloat) {
  WireMessage tensor;
  for (const std::uint64_t extent : shape) tensor.number(OnnxTensorField::kDims, extent);
  return tensor.number(OnnxTensorField::kType, type).text(OnnxTensorField::kName, name);
}

inline WireMessage onnx_raw(std::string_view name, const std::vector<std::uint64_t>& shape,
                            std::string_view data, std::uint64_t type = OnnxType::kFloat) {
  return onnx_head(name, shape, type).text(OnnxTensorField::kRaw, data);
}

/// A TensorProto whose data lie elsewhere; an empty value is left out.
inline WireMessage onnx_external(std::string_view name, const std::vector<std::uint64_t>& shape,
                                 std::string_view location, std::string_view offset = {},
                                 std::string_view length = {}) {
  WireMessage tensor = onnx_head(name, shape);
  const auto add = [&](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    tensor.message(
        OnnxTensorField::kExternal,
        WireMessage().text(OnnxEntryField::kKey, key).text(OnnxEntryField::kValue, value));
  };
  add("location", location);
  add("offset", offset);
  add("length", length);
  return tensor.number(OnnxTensorField::kLocation, OnnxLocation::kExternal);
}

/// A node with one attribute.
inline WireMessage onnx_node(std::string_view op, std::string_view output, std::uint32_t field,
                             const WireMessage& value) {
  return WireMessage()
      .text(OnnxNodeField::kOutput, output)
      .text(OnnxNodeField::kOpType, op)
      .message(OnnxNodeField::kAttribute, WireMessage().message(field, value));
}

inline WireMessage onnx_constant(std::string_view output, const WireMessage& tensor) {
  return onnx_node("Constant", output, OnnxAttributeField::kTensor, tensor);
}

inline WireMessage onnx_initializers(const std::vector<WireMessage>& tensors) {
  WireMessage graph;
  for (const WireMessage& tensor : tensors) graph.message(OnnxGraphField::kInitializer, tensor);
  return graph;
}

inline std::string onnx_bytes(const WireMessage& graph, std::uint64_t opset = 13,
                              std::uint64_t ir_version = 8) {
  return WireMessage()
      .number(OnnxModelField::kIrVersion, ir_version)
      .message(OnnxModelField::kGraph, graph)
      .message(OnnxModelField::kOpsetImport, WireMessage().number(OnnxOpsetField::kVersion, opset))
      .bytes();
}

}  // namespace wquant::test
