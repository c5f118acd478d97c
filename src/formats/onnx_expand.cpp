#include "formats/onnx_expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "formats/onnx_proto.h"
#include "formats/onnx_tensor.h"

namespace wquant {
namespace {

constexpr std::size_t kRow = 8;               ///< Codes a row.
constexpr int kByteBits = 8;                  ///< Also the bits whose codes are bytes.
constexpr std::uint64_t kSliceByInputs = 10;  ///< Opset since which Slice takes inputs.

WireMessage number_attribute(std::string_view name, std::uint64_t value) {
  return WireMessage()
      .text(OnnxAttributeField::kName, name)
      .number(OnnxAttributeField::kNumber, value)
      .number(OnnxAttributeField::kType, OnnxAttributeType::kNumber);
}

/// A list of one number.
WireMessage list_attribute(std::string_view name, std::uint64_t value) {
  return WireMessage()
      .text(OnnxAttributeField::kName, name)
      .number(OnnxAttributeField::kNumbers, value)
      .number(OnnxAttributeField::kType, OnnxAttributeType::kNumbers);
}

WireMessage value_info(std::string_view name, std::uint64_t type,
                       std::span<const std::uint64_t> shape) {
  WireMessage dims;
  for (const std::uint64_t extent : shape) {
    dims.message(OnnxTypeField::kDim, WireMessage().number(OnnxTypeField::kDimValue, extent));
  }
  const WireMessage tensor =
      WireMessage().number(OnnxTypeField::kElement, type).message(OnnxTypeField::kShape, dims);
  return WireMessage()
      .text(OnnxValueField::kName, name)
      .message(OnnxValueField::kType, WireMessage().message(OnnxTypeField::kTensor, tensor));
}

template <typename T>
ByteRope rope_of(std::span<const T> values) {
  ByteRope rope;
  const auto bytes = std::as_bytes(values);
  rope.add_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return rope;
}

std::string quotients_name(int bits) { return fmt::format("wquant.quotients{}", bits); }
std::string differences_name(int bits) { return fmt::format("wquant.differences{}", bits); }

}  // namespace

std::vector<float> onnx_quotient_matrix(int bits) {
  const auto width = static_cast<std::size_t>(bits);
  std::vector<float> matrix(width * 2 * kRow);
  for (std::size_t code = 0; code < kRow; ++code) {
    const int below = static_cast<int>(code) * bits % kByteBits;
    const int bytes = below + bits > kByteBits ? 2 : 1;
    for (int i = 0; i < bytes; ++i) {
      const std::size_t byte = code * width / kByteBits + static_cast<std::size_t>(i);
      const std::size_t row = byte * 2 * kRow;
      matrix[row + code] = std::ldexp(1.0F, kByteBits * i - below);
      matrix[row + kRow + code] = std::ldexp(1.0F, kByteBits * i - below - bits);
    }
  }
  return matrix;
}

std::vector<float> onnx_difference_matrix(int bits) {
  std::vector<float> matrix(2 * kRow * kRow);
  for (std::size_t code = 0; code < kRow; ++code) {
    matrix[code * kRow + code] = 1;
    matrix[(kRow + code) * kRow + code] = -std::ldexp(1.0F, bits);
  }
  return matrix;
}

std::optional<std::vector<float>> onnx_matrix(std::string_view name) {
  name = name.substr(0, name.find_last_not_of('_') + 1);
  for (int bits = 1; bits < kByteBits; ++bits) {
    if (name == quotients_name(bits)) return onnx_quotient_matrix(bits);
    if (name == differences_name(bits)) return onnx_difference_matrix(bits);
  }
  return std::nullopt;
}

OnnxExpander::OnnxExpander(std::uint64_t opset, std::unordered_set<std::string> taken,
                           OnnxData& data)
    : opset_(opset), taken_(std::move(taken)), data_(data) {}

std::string OnnxExpander::fresh(std::string_view name) {
  std::string unique(name);
  while (!taken_.insert(unique).second) unique += '_';
  return unique;
}

std::string OnnxExpander::add_initializer(std::string_view name, std::uint64_t type,
                                          std::span<const std::uint64_t> shape, ByteRope&& data) {
  std::string unique = fresh(name);
  WireMessage head;
  for (const std::uint64_t extent : shape) head.number(OnnxTensorField::kDims, extent);
  head.number(OnnxTensorField::kType, type).text(OnnxTensorField::kName, unique);
  initializers_.add_message(OnnxGraphField::kInitializer, data_.tensor(head, std::move(data)));
  inputs_ += WireMessage().message(OnnxGraphField::kInput, value_info(unique, type, shape)).bytes();
  return unique;
}

std::string OnnxExpander::add_floats(std::string_view name, std::span<const std::uint64_t> shape,
                                     std::span<const float> values) {
  return add_initializer(name, OnnxType::kFloat, shape, rope_of(values));
}

const std::string& OnnxExpander::integers(const std::vector<std::uint64_t>& values) {
  const auto found = integers_.find(values);
  if (found != integers_.end()) return found->second;
  const std::array<std::uint64_t, 1> shape = {values.size()};
  std::string name = add_initializer(fmt::format("wquant.integers{}", integers_.size()),
                                     OnnxType::kInt64, shape, rope_of(std::span(values)));
  return integers_.emplace(values, std::move(name)).first->second;
}

const OnnxExpander::Matrices& OnnxExpander::matrices(int bits) {
  const auto found = matrices_.find(bits);
  if (found != matrices_.end()) return found->second;
  const auto rows = static_cast<std::uint64_t>(bits);
  Matrices names;
  names.quotients = add_floats(quotients_name(bits), std::array<std::uint64_t, 2>{rows, 2 * kRow},
                               onnx_quotient_matrix(bits));
  names.differences =
      add_floats(differences_name(bits), std::array<std::uint64_t, 2>{2 * kRow, kRow},
                 onnx_difference_matrix(bits));
  return matrices_.emplace(bits, std::move(names)).first->second;
}

std::string OnnxExpander::node(std::string_view op, const std::vector<std::string>& inputs,
                               const std::vector<WireMessage>& attributes, std::string output) {
  if (output.empty()) output = fresh(fmt::format("wq{}", outputs_++));
  WireMessage message;
  for (const std::string& input : inputs) message.text(OnnxNodeField::kInput, input);
  message.text(OnnxNodeField::kOutput, output).text(OnnxNodeField::kOpType, op);
  for (const WireMessage& attribute : attributes) {
    message.message(OnnxNodeField::kAttribute, attribute);
  }
  nodes_.add_text(WireMessage().message(OnnxGraphField::kNode, message).bytes());
  return output;
}

std::string OnnxExpander::cast(const std::string& input, std::uint64_t type) {
  return node("Cast", {input}, {number_attribute("to", type)});
}

std::string OnnxExpander::codes_as_integers(const TensorInfo& info, int bits, ByteRope&& codes) {
  const std::string name = info.name + ".codes";
  if (bits == kByteBits) {
    return cast(add_initializer(name, OnnxType::kUint8, info.shape, std::move(codes)),
                OnnxType::kInt32);
  }
  const std::array<std::uint64_t, 2> shape = {(info.count() + kRow - 1) / kRow,
                                              static_cast<std::uint64_t>(bits)};
  codes.add_text(std::string(shape[0] * shape[1] - codes.size(), '\0'));
  const std::string packed = add_initializer(name, OnnxType::kUint8, shape, std::move(codes));
  const Matrices& matrix = matrices(bits);
  const std::string quotients = node("MatMul", {cast(packed, OnnxType::kFloat), matrix.quotients});
  const std::string whole = node("Floor", {quotients});
  return cast(node("MatMul", {whole, matrix.differences}), OnnxType::kInt32);
}

std::string OnnxExpander::levels_as(const TensorInfo& info, int bits, Dtype dtype,
                                    ByteRope&& levels) {
  const std::array<std::uint64_t, 1> shape = {std::uint64_t{1} << bits};
  std::string name =
      add_initializer(info.name + ".levels", OnnxType::kFloat, shape, std::move(levels));
  return dtype == Dtype::kF32 ? name : cast(name, onnx_type(dtype));
}

std::string OnnxExpander::cut(std::uint64_t count, const std::string& padded) {
  constexpr std::uint64_t kRest = ~std::uint64_t{0};  // -1: as many as there are.
  const std::string flat = node("Reshape", {padded, integers({kRest})});
  if (opset_ < kSliceByInputs) {
    return node("Slice", {flat}, {list_attribute("starts", 0), list_attribute("ends", count)});
  }
  return node("Slice", {flat, integers({0}), integers({count})});
}

std::string OnnxExpander::gather(const TensorInfo& info, int bits,
                                 const std::vector<std::string>& inputs, std::string output) {
  if (bits == kByteBits) return node("Gather", inputs, {}, std::move(output));
  std::string values = node("Gather", inputs);
  if (info.count() % kRow != 0) values = cut(info.count(), values);
  return node("Reshape", {values, integers(info.shape)}, {}, std::move(output));
}

std::vector<std::uint64_t> onnx_scales_shape(const std::vector<std::uint64_t>& shape,
                                             const CellPlan& cells) {
  if (cells.granularity == Granularity::kGroup) return {cells.cells, 1};
  std::vector<std::uint64_t> extents(shape.size(), 1);
  std::uint64_t inside = 1;
  std::size_t axis = shape.size();
  while (axis > 0 && inside < cells.run) inside *= shape[--axis];
  std::uint64_t left = cells.cells;
  while (axis > 0 && left > 1) {
    --axis;
    extents[axis] = shape[axis];
    left /= shape[axis];
  }
  return extents;
}

std::string OnnxExpander::scales_for(const TensorInfo& info, const CellPlan& cells,
                                     ByteRope&& scales) {
  const std::vector<std::uint64_t> shape = onnx_scales_shape(info.shape, cells);
  std::string values =
      cast(add_initializer(info.name + ".scales", OnnxType::kFloat16, shape, std::move(scales)),
           OnnxType::kFloat);
  if (cells.granularity == Granularity::kChannel) return values;
  values = node("Tile", {values, integers({1, cells.run})});
  if (cells.cells * cells.run != info.count()) values = cut(info.count(), values);
  return node("Reshape", {values, integers(info.shape)});
}

ByteRope OnnxExpander::expand(const TensorInfo& info, int bits, const CellPlan& cells,
                              Parts&& parts) {
  const std::string indices = codes_as_integers(info, bits, std::move(parts.codes));
  if (!cells.has_scales()) {
    gather(info, bits, {levels_as(info, bits, info.dtype, std::move(parts.levels)), indices},
           info.name);
    return std::exchange(nodes_, {});
  }
  const std::string values = gather(
      info, bits, {levels_as(info, bits, Dtype::kF32, std::move(parts.levels)), indices}, {});
  const std::string scales = scales_for(info, cells, std::move(parts.scales));
  if (info.dtype == Dtype::kF32) {
    node("Mul", {values, scales}, {}, info.name);
  } else {
    node("Cast", {node("Mul", {values, scales})}, {number_attribute("to", onnx_type(info.dtype))},
         info.name);
  }
  return std::exchange(nodes_, {});
}

}  // namespace wquant
