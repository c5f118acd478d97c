#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wquant/model.h"

namespace wquant {

/// A TensorProto of an ONNX model. The span points into the message.
struct OnnxTensorProto {
  TensorInfo info;
  std::optional<std::span<const std::byte>> raw;
  bool has_values = false;                      ///< Elements in one of the typed fields.
  bool is_external = false;                     ///< Elements in another file.
  std::map<std::string, std::string> external;  ///< Where: "location", "offset", "length".
};

/// Throws Error, naming the tensor, for what contradicts itself or cannot be read: text, complex
/// numbers of 128 bits, types below 8 bits.
OnnxTensorProto parse_onnx_tensor(std::span<const std::byte> message);

/// True for a type of element that parse_onnx_tensor() reads and that is a floating-point one.
bool is_onnx_float(std::span<const std::byte> message);

/// ONNX's number of a dtype.
std::uint64_t onnx_type(Dtype dtype);
/// The dtype of ONNX's number; nothing when there is none.
std::optional<Dtype> dtype_from_onnx(std::uint64_t type);

/// The elements in the typed fields of the message, laid out as ModelReader::read() gives them.
std::vector<std::byte> decode_onnx_values(std::span<const std::byte> message,
                                          const TensorInfo& info);

/// Those that lie in the message as read() gives them already; empty where they do not.
std::span<const std::byte> find_onnx_values(std::span<const std::byte> message,
                                            const TensorInfo& info);

}  // namespace wquant
