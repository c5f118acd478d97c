#include "formats/onnx_axes.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "formats/onnx_proto.h"
#include "formats/wire.h"

namespace wquant {
namespace {

/// An operator whose input holds weights.
struct WeightInput {
  std::string_view op;
  std::size_t input;
  std::size_t axis;       ///< Of the output channels; of a transposed Gemm the other one.
  std::size_t most_axes;  ///< A matrix product of more than matrices is one of many matrices.
};

constexpr std::size_t kAnyAxes = std::numeric_limits<std::size_t>::max();

constexpr std::array<WeightInput, 5> kWeightInputs = {{{"Conv", 1, 0, kAnyAxes},
                                                       {"ConvTranspose", 1, 1, kAnyAxes},
                                                       {"Gemm", 1, 1, 2},
                                                       {"MatMul", 1, 1, 2},
                                                       {"MatMul", 0, 0, 2}}};

/// Operators that calculate element by element.
constexpr std::array<std::string_view, 10> kElementwise = {
    "Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Clip", "PRelu", "BatchNormalization"};

/// What is looked at of a node.
struct Node {
  std::string_view op, domain;
  std::vector<std::string_view> inputs;
  bool transposed = false;
};

/// True for the attribute transB that is not 0.
bool is_transposition(std::span<const std::byte> attribute) {
  std::string_view name;
  std::uint64_t value = 0;
  WireReader reader(attribute);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxAttributeField::kName) name = wire_text(field);
    if (field.number == OnnxAttributeField::kNumber) value = wire_number(field);
  }
  return name == "transB" && value != 0;
}

Node read_node(std::span<const std::byte> message) {
  Node node;
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxNodeField::kOpType) node.op = wire_text(field);
    if (field.number == OnnxNodeField::kDomain) node.domain = wire_text(field);
    if (field.number == OnnxNodeField::kInput) node.inputs.push_back(wire_text(field));
    if (field.number == OnnxNodeField::kAttribute && is_transposition(wire_message(field))) {
      node.transposed = true;
    }
  }
  return node;
}

}  // namespace

void OnnxAxes::add_node(std::span<const std::byte> node) {
  const Node read = read_node(node);
  const bool standard = read.domain.empty() || read.domain == "ai.onnx";
  const bool elementwise = standard && std::find(kElementwise.begin(), kElementwise.end(),
                                                 read.op) != kElementwise.end();
  for (const std::string_view input : read.inputs) {
    const auto [known, fresh] = operands_.emplace(input, elementwise);
    if (!fresh && !elementwise) known->second = false;
  }
  if (!standard) return;
  for (const WeightInput& row : kWeightInputs) {
    if (row.op != read.op || row.input >= read.inputs.size()) continue;
    const std::size_t axis = read.op == "Gemm" && read.transposed ? 1 - row.axis : row.axis;
    const auto [known, fresh] = uses_.emplace(read.inputs[row.input], Use{axis, row.most_axes});
    if (!fresh && known->second.axis != axis) known->second.most_axes = 0;
  }
}

std::optional<std::size_t> OnnxAxes::of(const std::string& tensor, std::size_t rank) const {
  const auto found = uses_.find(tensor);
  if (found == uses_.end() || rank > found->second.most_axes) return {};
  return found->second.axis;
}

bool OnnxAxes::is_operand(const std::string& tensor) const {
  const auto found = operands_.find(tensor);
  return found != operands_.end() && found->second;
}

}  // namespace wquant
