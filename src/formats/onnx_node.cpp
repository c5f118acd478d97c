#include "formats/onnx_node.h"

#include "formats/onnx_proto.h"
#include "formats/wire.h"

namespace wquant {
namespace {

void take_attribute(std::span<const std::byte> attribute, OnnxNode& node) {
  WireReader reader(attribute);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxAttributeField::kNumber) node.number = wire_number(field);
    if (field.number != OnnxAttributeField::kNumbers) continue;
    for_each_wire_number(field, [&](std::uint64_t number) { node.numbers.push_back(number); });
  }
}

OnnxNode parse_node(std::span<const std::byte> message) {
  OnnxNode node;
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    switch (field.number) {
      case OnnxNodeField::kInput:
        node.inputs.emplace_back(wire_text(field));
        break;
      case OnnxNodeField::kOutput:
        node.outputs.emplace_back(wire_text(field));
        break;
      case OnnxNodeField::kOpType:
        node.op = wire_text(field);
        break;
      case OnnxNodeField::kAttribute:
        take_attribute(wire_message(field), node);
        break;
      default:
        break;
    }
  }
  return node;
}

}  // namespace

std::vector<OnnxNode> first_onnx_nodes(std::span<const std::byte> graph, std::size_t most) {
  std::vector<OnnxNode> nodes;
  WireReader reader(graph);
  for (WireField field; nodes.size() < most && reader.next(field);) {
    if (field.number == OnnxGraphField::kNode) nodes.push_back(parse_node(wire_message(field)));
  }
  return nodes;
}

}  // namespace wquant
