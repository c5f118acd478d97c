#include "formats/onnx_nodes.h"

#include <fmt/format.h>

#include <array>

#include "formats/onnx_proto.h"

namespace wquant {
namespace {

constexpr std::uint64_t kSplitByInput = 13;  ///< Opset since which Split takes its sizes as input.

WireMessage number_attribute(std::string_view name, std::uint64_t value) {
  return WireMessage()
      .text(OnnxAttributeField::kName, name)
      .number(OnnxAttributeField::kNumber, value)
      .number(OnnxAttributeField::kType, OnnxAttributeType::kNumber);
}

WireMessage list_attribute(std::string_view name, const std::vector<std::uint64_t>& values) {
  WireMessage attribute;
  attribute.text(OnnxAttributeField::kName, name);
  for (const std::uint64_t value : values) attribute.number(OnnxAttributeField::kNumbers, value);
  return attribute.number(OnnxAttributeField::kType, OnnxAttributeType::kNumbers);
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

WireMessage tensor_head(std::string_view name, std::uint64_t type,
                        std::span<const std::uint64_t> shape) {
  WireMessage head;
  for (const std::uint64_t extent : shape) head.number(OnnxTensorField::kDims, extent);
  return head.number(OnnxTensorField::kType, type).text(OnnxTensorField::kName, name);
}

}  // namespace

OnnxNodes::OnnxNodes(std::uint64_t opset, std::unordered_set<std::string> taken, OnnxData& data)
    : opset_(opset), taken_(std::move(taken)), data_(data) {}

std::string OnnxNodes::fresh(std::string_view name) {
  std::string unique(name);
  while (!taken_.insert(unique).second) unique += '_';
  return unique;
}

std::string OnnxNodes::fresh() { return fresh(fmt::format("_{}", values_++)); }

std::string OnnxNodes::declare(std::uint64_t type, std::span<const std::uint64_t> shape,
                               std::string name) {
  name = name.empty() ? fresh() : fresh(name);
  inputs_ += WireMessage().message(OnnxGraphField::kInput, value_info(name, type, shape)).bytes();
  return name;
}

std::string OnnxNodes::initializer(std::uint64_t type, std::span<const std::uint64_t> shape,
                                   ByteRope&& data, std::string name) {
  name = declare(type, shape, std::move(name));
  initializers_.add_message(OnnxGraphField::kInitializer,
                            data_.tensor(tensor_head(name, type, shape), std::move(data)));
  return name;
}

std::string OnnxNodes::floats(std::span<const std::uint64_t> shape, std::span<const float> values,
                              std::string name) {
  const auto bytes = std::as_bytes(values);
  ByteRope data;
  data.add_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return initializer(OnnxType::kFloat, shape, std::move(data), std::move(name));
}

const std::string& OnnxNodes::numbers(std::uint64_t type, std::uint32_t field,
                                      std::span<const std::uint64_t> shape,
                                      const std::vector<std::uint64_t>& values) {
  const auto [found, is_new] = numbers_.try_emplace({type, values});
  if (!is_new) return found->second;
  found->second = declare(type, shape, {});
  const WireMessage tensor = tensor_head(found->second, type, shape).numbers(field, values);
  initializers_.add_text(WireMessage().message(OnnxGraphField::kInitializer, tensor).bytes());
  return found->second;
}

const std::string& OnnxNodes::integers(const std::vector<std::uint64_t>& values) {
  const std::array<std::uint64_t, 1> shape = {values.size()};
  return numbers(OnnxType::kInt64, OnnxTensorField::kInt64s, shape, values);
}

const std::string& OnnxNodes::column(const std::vector<std::uint64_t>& values) {
  const std::array<std::uint64_t, 2> shape = {values.size(), 1};
  return numbers(OnnxType::kInt32, OnnxTensorField::kInt32s, shape, values);
}

void OnnxNodes::add_node(std::string_view op, const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs,
                         const std::vector<WireMessage>& attributes) {
  WireMessage message;
  for (const std::string& input : inputs) message.text(OnnxNodeField::kInput, input);
  for (const std::string& output : outputs) message.text(OnnxNodeField::kOutput, output);
  message.text(OnnxNodeField::kOpType, op);
  for (const WireMessage& attribute : attributes) {
    message.message(OnnxNodeField::kAttribute, attribute);
  }
  nodes_.add_text(WireMessage().message(OnnxGraphField::kNode, message).bytes());
  ++count_;
}

std::string OnnxNodes::node(std::string_view op, const std::vector<std::string>& inputs,
                            std::string output, const std::vector<WireMessage>& attributes) {
  if (output.empty()) output = fresh();
  add_node(op, inputs, {output}, attributes);
  return output;
}

std::string OnnxNodes::cast(const std::string& input, std::uint64_t type, std::string output) {
  return node("Cast", {input}, std::move(output), {number_attribute("to", type)});
}

void OnnxNodes::split(const std::string& input, std::uint64_t axis,
                      const std::vector<std::uint64_t>& sizes,
                      const std::vector<std::string>& outputs) {
  std::vector<std::string> inputs = {input};
  std::vector<WireMessage> attributes;
  if (axis != 0) attributes.push_back(number_attribute("axis", axis));
  if (opset_ >= kSplitByInput) {
    inputs.push_back(integers(sizes));
  } else {
    attributes.push_back(list_attribute("split", sizes));
  }
  add_node("Split", inputs, outputs, attributes);
}

}  // namespace wquant
