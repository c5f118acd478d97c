#include "formats/onnx_chains.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "formats/onnx_expand.h"
#include "formats/onnx_proto.h"
#include "formats/quantized_file_parts.h"
#include "formats/wire.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::string_view kHelper = "wquant.";  ///< Begin of the names of shared initializers.
constexpr int kMostSteps = 6;                    ///< Nodes from the codes to the indices.
constexpr int kByteBits = 8;

struct Node {
  std::string op, output;
  std::vector<std::string> inputs;
  std::uint64_t number = 0;  ///< Of its attribute.
};

std::uint64_t attribute_number(std::span<const std::byte> attribute) {
  std::uint64_t number = 0;
  WireReader reader(attribute);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxAttributeField::kNumber) number = wire_number(field);
  }
  return number;
}

Node parse_node(std::span<const std::byte> message) {
  Node node;
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    switch (field.number) {
      case OnnxNodeField::kInput:
        node.inputs.emplace_back(wire_text(field));
        break;
      case OnnxNodeField::kOutput:
        node.output = wire_text(field);
        break;
      case OnnxNodeField::kOpType:
        node.op = wire_text(field);
        break;
      case OnnxNodeField::kAttribute:
        node.number = attribute_number(wire_message(field));
        break;
      default:
        break;
    }
  }
  return node;
}

void add_nodes(std::span<const std::byte> graph, std::vector<Node>& nodes);

void add_inner_nodes(std::span<const std::byte> node, std::vector<Node>& nodes) {
  WireReader reader(node);
  for (WireField field; reader.next(field);) {
    if (field.number != OnnxNodeField::kAttribute) continue;
    WireReader attribute(wire_message(field));
    for (WireField inner; attribute.next(inner);) {
      if (inner.number == OnnxAttributeField::kGraph ||
          inner.number == OnnxAttributeField::kGraphs) {
        add_nodes(wire_message(inner), nodes);
      }
    }
  }
}

void add_nodes(std::span<const std::byte> graph, std::vector<Node>& nodes) {
  WireReader reader(graph);
  for (WireField field; reader.next(field);) {
    if (field.number != OnnxGraphField::kNode) continue;
    nodes.push_back(parse_node(wire_message(field)));
    add_inner_nodes(wire_message(field), nodes);
  }
}

std::vector<Node> all_nodes(const OnnxFile& file) {
  std::vector<Node> nodes;
  WireReader reader(file.bytes());
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxModelField::kGraph) add_nodes(wire_message(field), nodes);
  }
  return nodes;
}

[[noreturn]] void fail(const std::string& name) {
  throw Error("the nodes that make it are not as quantize wrote them",
              "use the file that quantize wrote")
      .at_tensor(name);
}

class Finder {
 public:
  explicit Finder(const OnnxFile& file) : file_(file), nodes_(all_nodes(file)) {
    for (std::size_t i = 0; i < file.tensors().size(); ++i) {
      tensors_.emplace(file.tensors()[i].info.name, i);
    }
    for (const Node& node : nodes_) {
      makers_.emplace(node.output, &node);
      if (!node.inputs.empty()) users_.emplace(node.inputs.front(), &node);
    }
  }

  OnnxChains find() {
    OnnxChains found;
    std::unordered_set<std::size_t> used;
    for (const Node& node : nodes_) {
      if (node.op != "Gather" || node.inputs.size() != 2 || !starts_chain(node)) continue;
      found.chains.push_back(follow(node));
      used.insert({found.chains.back().codes, found.chains.back().levels});
      if (found.chains.back().cells.has_scales()) used.insert(found.chains.back().scales);
    }
    for (std::size_t i = 0; i < file_.tensors().size(); ++i) {
      const bool is_helper = file_.tensors()[i].info.name.starts_with(kHelper);
      if (!is_helper && !used.contains(i)) found.kept.push_back(i);
    }
    return found;
  }

 private:
  /// The tensor that a value is made of by nodes of one input that matters, or is.
  [[nodiscard]] const std::string& origin(const std::string& value) const {
    const std::string* name = &value;
    for (int step = 0; step < kMostSteps; ++step) {
      const auto maker = makers_.find(*name);
      if (maker == makers_.end() || maker->second->inputs.empty()) break;
      name = &maker->second->inputs.front();
    }
    return *name;
  }

  /// The node of that kind among those that a value is made by, as origin() goes; null: none.
  [[nodiscard]] const Node* maker_of(const std::string& value, std::string_view op) const {
    const std::string* name = &value;
    for (int step = 0; step < kMostSteps; ++step) {
      const auto maker = makers_.find(*name);
      if (maker == makers_.end() || maker->second->inputs.empty()) return nullptr;
      if (maker->second->op == op) return maker->second;
      name = &maker->second->inputs.front();
    }
    return nullptr;
  }

  /// True for the Gather of levels by codes, not for one of the model's own.
  [[nodiscard]] bool starts_chain(const Node& node) const {
    const auto codes = tensors_.find(origin(node.inputs[1]));
    const auto levels = tensors_.find(origin(node.inputs[0]));
    return codes != tensors_.end() && levels != tensors_.end() &&
           codes->first.find(".codes") != std::string::npos &&
           levels->first.find(".levels") != std::string::npos;
  }

  [[nodiscard]] OnnxChain follow(const Node& gather) const {
    OnnxChain chain;
    chain.codes = tensors_.at(origin(gather.inputs[1]));
    chain.levels = tensors_.at(origin(gather.inputs[0]));
    const auto cast = makers_.find(gather.inputs[0]);
    set_type(cast == makers_.end() ? OnnxType::kFloat : cast->second->number, chain);
    const TensorInfo& levels = file_.tensors()[chain.levels].info;
    chain.bits = static_cast<int>(std::bit_width(levels.count())) - 1;
    name_and_shape(gather, chain);
    take_scales(chain);
    check(chain);
    return chain;
  }

  static void set_type(std::uint64_t type, OnnxChain& chain) {
    const std::optional<Dtype> dtype = dtype_from_onnx(type);
    if (!dtype || !is_quantizable(*dtype)) fail(chain.info.name);
    chain.info.dtype = *dtype;
  }

  /// Goes on to the tensor that scales make of the levels, if they do.
  void take_scales(OnnxChain& chain) const {
    const auto user = users_.find(chain.info.name);
    if (user == users_.end() || user->second->op != "Mul" || user->second->inputs.size() != 2) {
      return;
    }
    const Node* last = user->second;
    const auto scales = tensors_.find(origin(last->inputs[1]));
    if (scales == tensors_.end() || scales->first.find(".scales") == std::string::npos) return;
    chain.scales = scales->second;
    set_cells(last->inputs[1], chain);
    chain.info.name = last->output;
    const auto cast = users_.find(last->output);
    if (cast == users_.end() || cast->second->op != "Cast" || !is_made_type(*cast->second)) return;
    set_type(cast->second->number, chain);
    chain.info.name = cast->second->output;
  }

  /// Whether a Cast gives another type than FLOAT, as a chain's own does.
  static bool is_made_type(const Node& cast) {
    const std::optional<Dtype> dtype = dtype_from_onnx(cast.number);
    return dtype && is_quantizable(*dtype) && *dtype != Dtype::kF32;
  }

  /// The cells of scales that reach the Mul as `value`: spread over groups, or as they broadcast.
  void set_cells(const std::string& value, OnnxChain& chain) const {
    const OnnxTensor& scales = file_.tensors()[chain.scales];
    chain.cells.cells = scales.info.count();
    chain.cells.granularity = Granularity::kChannel;
    if (const Node* tile = maker_of(value, "Tile")) {
      const std::vector<std::uint64_t> repeats = shape_of(*tile);
      chain.cells.granularity = Granularity::kGroup;
      chain.cells.run = repeats.empty() ? 0 : repeats.back();
      return;
    }
    std::size_t axis = scales.info.shape.size();
    while (axis > 0 && scales.info.shape[axis - 1] == 1) --axis;
    chain.cells.axis = axis == 0 ? 0 : axis - 1;
    chain.cells.run = 1;
    for (std::size_t i = axis; i < chain.info.shape.size(); ++i) {
      chain.cells.run *= std::max<std::uint64_t>(chain.info.shape[i], 1);
    }
  }

  void name_and_shape(const Node& gather, OnnxChain& chain) const {
    chain.info.name = gather.output;
    if (chain.bits == kByteBits) {
      chain.info.shape = file_.tensors()[chain.codes].info.shape;
      return;
    }
    const Node* last = user_of(gather.output, "Reshape");
    if (shape_of(*last).empty() || shape_of(*last).front() != ~std::uint64_t{0}) {
      chain.info.shape = shape_of(*last);
    } else {
      last = user_of(user_of(last->output, "Slice")->output, "Reshape");
      chain.info.shape = shape_of(*last);
    }
    chain.info.name = last->output;
  }

  [[nodiscard]] const Node* user_of(const std::string& value, std::string_view op) const {
    const auto user = users_.find(value);
    if (user == users_.end() || user->second->op != op) fail(value);
    return user->second;
  }

  [[nodiscard]] std::vector<std::uint64_t> shape_of(const Node& reshape) const {
    if (reshape.inputs.size() != 2) fail(reshape.output);
    const auto tensor = tensors_.find(reshape.inputs[1]);
    if (tensor == tensors_.end()) fail(reshape.output);
    const OnnxTensor& shape = file_.tensors()[tensor->second];
    if (shape.info.dtype != Dtype::kI64) fail(reshape.output);
    std::vector<std::uint64_t> extents(shape.info.count());
    if (!extents.empty()) std::memcpy(extents.data(), shape.data.data(), shape.data.size());
    return extents;
  }

  void check(const OnnxChain& chain) const {
    const TensorInfo& codes = file_.tensors()[chain.codes].info;
    const TensorInfo& levels = file_.tensors()[chain.levels].info;
    const bool has_types = codes.dtype == Dtype::kU8 && levels.dtype == Dtype::kF32;
    const bool has_bits = chain.bits >= 1 && chain.bits <= kByteBits &&
                          levels.count() == std::uint64_t{1} << chain.bits;
    const std::uint64_t count = checked_count(chain.info.shape, size_of(Dtype::kF64));
    if (!has_types || !has_bits || count / kByteBits > codes.count() ||
        packed_size(count, chain.bits) > codes.count() || !has_cells(chain)) {
      fail(chain.info.name);
    }
  }

  [[nodiscard]] bool has_cells(const OnnxChain& chain) const {
    if (!chain.cells.has_scales()) return true;
    const TensorInfo& scales = file_.tensors()[chain.scales].info;
    return scales.dtype == Dtype::kF16 && divides(chain.cells, chain.info.count()) &&
           scales.shape == onnx_scales_shape(chain.info.shape, chain.cells);
  }

  const OnnxFile& file_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string, std::size_t> tensors_;         ///< By name.
  std::unordered_map<std::string, const Node*> makers_, users_;  ///< By output; by first input.
};

}  // namespace

OnnxChains find_onnx_chains(const OnnxFile& file) { return Finder(file).find(); }

}  // namespace wquant
