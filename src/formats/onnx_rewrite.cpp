#include "formats/onnx_rewrite.h"

#include <fmt/format.h>

#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "formats/onnx_checks.h"
#include "formats/onnx_data.h"
#include "formats/onnx_expand.h"
#include "formats/onnx_proto.h"
#include "formats/quantized_file_header.h"
#include "formats/wire.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using Kind = OnnxEdit::Kind;

constexpr std::uint64_t kMinOpset = 7;    ///< Cast, Gather, Reshape and Slice as they are used.
constexpr std::uint64_t kNoInputsIr = 4;  ///< Since it an initializer need not be an input.

/// How often each name of a graph and of the graphs inside of it is that of a value that is made
/// there; 0 for what is an input only.
using Names = std::unordered_map<std::string, int>;

void collect_names(std::span<const std::byte> graph, Names& names);

void collect_node_names(std::span<const std::byte> node, Names& names) {
  WireReader reader(node);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxNodeField::kOutput) ++names[std::string(wire_text(field))];
    if (field.number != OnnxNodeField::kAttribute) continue;
    WireReader attribute(wire_message(field));
    for (WireField inner; attribute.next(inner);) {
      if (inner.number == OnnxAttributeField::kGraph ||
          inner.number == OnnxAttributeField::kGraphs) {
        collect_names(wire_message(inner), names);
      }
    }
  }
}

/// The text field `number` of a message; empty when there is none.
std::string text_of(std::span<const std::byte> message, std::uint32_t number) {
  std::string text;
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.number == number) text = wire_text(field);
  }
  return text;
}

void collect_names(std::span<const std::byte> graph, Names& names) {
  WireReader reader(graph);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxGraphField::kNode) collect_node_names(wire_message(field), names);
    if (field.number == OnnxGraphField::kInput) {
      names.try_emplace(text_of(wire_message(field), OnnxValueField::kName));
    }
    if (field.number == OnnxGraphField::kInitializer) {
      ++names[text_of(wire_message(field), OnnxTensorField::kName)];
    }
  }
}

Names graph_names(const OnnxFile& file) {
  Names names;
  WireReader reader(file.bytes());
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxModelField::kGraph) collect_names(wire_message(field), names);
  }
  return names;
}

std::unordered_set<std::string> keys_of(const Names& names) {
  std::unordered_set<std::string> keys;
  for (const auto& [name, count] : names) keys.insert(name);
  return keys;
}

/// A TensorProto without its data.
WireMessage tensor_head(std::span<const std::byte> message) {
  WireMessage head;
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    switch (field.number) {
      case OnnxTensorField::kFloats:
      case OnnxTensorField::kInt32s:
      case OnnxTensorField::kStrings:
      case OnnxTensorField::kInt64s:
      case OnnxTensorField::kRaw:
      case OnnxTensorField::kDoubles:
      case OnnxTensorField::kUint64s:
      case OnnxTensorField::kExternal:
      case OnnxTensorField::kLocation:
        break;
      default:
        head.field(field);
    }
  }
  return head;
}

/// The field of a model that says that it is quantized.
std::string mark() {
  const WireMessage entry = WireMessage()
                                .text(OnnxEntryField::kKey, kOnnxQuantizedKey)
                                .text(OnnxEntryField::kValue, kQuantizedVersion);
  return WireMessage().message(OnnxModelField::kMetadata, entry).bytes();
}

/// The field for the checksums of so many tensors that so many nodes make.
ByteRope checks_field(std::size_t tensors, std::size_t nodes) {
  OnnxChecks checks;
  checks.quantized.resize(tensors);
  checks.nodes = nodes;
  ByteRope value, entry, field;
  value.add_hole(kOnnxChecksHole, onnx_checks_text(checks).size());
  entry.add_text(WireMessage().text(OnnxEntryField::kKey, kOnnxChecksKey).bytes());
  entry.add_message(OnnxEntryField::kValue, std::move(value));
  field.add_message(OnnxModelField::kMetadata, std::move(entry));
  return field;
}

class Rewriter {
 public:
  Rewriter(const OnnxFile& file, std::span<const OnnxEdit> edits, const std::string& data_name)
      : file_(file),
        edits_(edits),
        moves_data_(!data_name.empty()),
        names_(graph_names(file)),
        data_(data_name),
        expander_(file.opset(), keys_of(names_), data_) {
    for (std::size_t i = 0; i < edits.size(); ++i) {
      if (edits[i].kind == Kind::kExpand) made_.insert(file.tensors()[i].info.name);
    }
  }

  OnnxLayout run() {
    OnnxLayout layout;
    WireReader reader(file_.bytes());
    for (WireField field; reader.next(field);) {
      if (field.number == OnnxModelField::kGraph) {
        layout.model.add_message(field.number, main_graph(wire_message(field), layout));
      } else {
        layout.model.add_bytes(field.whole);
      }
    }
    if (!made_.empty()) {
      layout.model.add_text(mark());
      layout.model.add_rope(checks_field(made_.size(), layout.nodes));
    }
    layout.data = data_.take_file();
    return layout;
  }

 private:
  /// The nodes that make tensors come before all others.
  ByteRope main_graph(std::span<const std::byte> graph, OnnxLayout& layout) {
    ByteRope rest = rewrite_graph(graph);
    OnnxNodes& added = expander_.finish();
    layout.nodes = added.count();
    layout.expanded = expander_.order();
    ByteRope all = added.take_initializers();
    all.add_rope(added.take_nodes());
    all.add_rope(std::move(rest));
    if (file_.ir_version() < kNoInputsIr) all.add_text(added.inputs());
    return all;
  }

  ByteRope rewrite_graph(std::span<const std::byte> graph) {
    ByteRope all;
    WireReader reader(graph);
    for (WireField field; reader.next(field);) {
      switch (field.number) {
        case OnnxGraphField::kNode:
          if (auto node = rewrite_node(field)) all.add_rope(std::move(*node));
          break;
        case OnnxGraphField::kInitializer:
          if (auto tensor = rewrite_tensor(field)) all.add_rope(std::move(*tensor));
          break;
        case OnnxGraphField::kInput:
          if (!made_.contains(text_of(wire_message(field), OnnxValueField::kName))) {
            all.add_bytes(field.whole);
          }
          break;
        default:
          all.add_bytes(field.whole);
      }
    }
    return all;
  }

  /// The field as it will be; nothing when it is left out.
  std::optional<ByteRope> rewrite_tensor(const WireField& field) {
    ByteRope tensor;
    const OnnxTensor* found = file_.find(field.bytes);
    const std::size_t index = found == nullptr ? 0 : index_of(*found);
    if (found != nullptr && edits_[index].kind == Kind::kExpand) {
      expand(index);
      return std::nullopt;
    }
    ByteRope data;
    if (found != nullptr && edits_[index].kind == Kind::kReplace) {
      data.add_hole(onnx_hole(index, Part::kData), found->info.bytes());
    } else if (found != nullptr && must_move(*found)) {
      data.add_bytes(found->data);
    } else {
      tensor.add_bytes(field.whole);
      return tensor;
    }
    tensor.add_message(field.number, data_.tensor(tensor_head(field.bytes), std::move(data)));
    return tensor;
  }

  /// True for a tensor whose data cannot stay where they are.
  [[nodiscard]] bool must_move(const OnnxTensor& tensor) const {
    const bool is_inside = tensor.file == nullptr || tensor.file->bytes().data() == bytes().data();
    return !is_inside || (moves_data_ && tensor.file != nullptr);
  }

  std::optional<ByteRope> rewrite_node(const WireField& field) {
    ByteRope node, copy;
    WireReader reader(wire_message(field));
    for (WireField inner; reader.next(inner);) {
      if (inner.number != OnnxNodeField::kAttribute) {
        node.add_bytes(inner.whole);
        continue;
      }
      auto attribute = rewrite_attribute(inner);
      if (!attribute) return std::nullopt;
      node.add_rope(std::move(*attribute));
    }
    copy.add_message(field.number, std::move(node));
    return copy;
  }

  std::optional<ByteRope> rewrite_attribute(const WireField& field) {
    ByteRope attribute, copy;
    WireReader reader(wire_message(field));
    for (WireField inner; reader.next(inner);) {
      switch (inner.number) {
        case OnnxAttributeField::kTensor: {
          auto tensor = rewrite_tensor(inner);
          if (!tensor) return std::nullopt;
          attribute.add_rope(std::move(*tensor));
          break;
        }
        case OnnxAttributeField::kGraph:
        case OnnxAttributeField::kGraphs:
          attribute.add_message(inner.number, rewrite_graph(wire_message(inner)));
          break;
        default:
          attribute.add_bytes(inner.whole);
      }
    }
    copy.add_message(field.number, std::move(attribute));
    return copy;
  }

  void expand(std::size_t index) {
    const TensorInfo& info = file_.tensors()[index].info;
    if (names_.at(info.name) > 1) {
      throw Error("another value of the model has this name", "rename one of the two")
          .at_tensor(info.name);
    }
    const auto& [kind, bits, cells] = edits_[index];
    OnnxWeights weights{index, info, bits, cells, {}, {}, {}};
    weights.codes.add_hole(onnx_hole(index, Part::kCodes), packed_size(info.count(), bits));
    weights.levels.add_hole(onnx_hole(index, Part::kLevels), sizeof(float) << bits);
    if (cells.has_scales()) {
      weights.scales.add_hole(onnx_hole(index, Part::kScales), cells.cells * size_of(Dtype::kF16));
    }
    expander_.add(std::move(weights));
  }

  [[nodiscard]] std::size_t index_of(const OnnxTensor& tensor) const {
    return static_cast<std::size_t>(&tensor - file_.tensors().data());
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return file_.bytes(); }

  const OnnxFile& file_;
  std::span<const OnnxEdit> edits_;
  bool moves_data_;
  Names names_;
  OnnxData data_;
  OnnxExpander expander_;
  std::unordered_set<std::string> made_;  ///< Names of the tensors that nodes make.
};

void check_model(const OnnxFile& file, std::span<const OnnxEdit> edits) {
  if (file.is_quantized()) {
    throw Error("is a quantized model already", "use the model that it was made from");
  }
  if (file.opset() >= kMinOpset) return;
  for (const OnnxEdit& edit : edits) {
    if (edit.kind != Kind::kExpand) continue;
    throw Error(fmt::format("uses operators of opset {}", file.opset()),
                fmt::format("export it with opset {} or later", kMinOpset));
  }
}

}  // namespace

std::size_t onnx_hole(std::size_t tensor, Part part) {
  return tensor * kParts.size() + static_cast<std::size_t>(part);
}

OnnxLayout rewrite_onnx(const OnnxFile& file, std::span<const OnnxEdit> edits,
                        const std::string& data_name, std::uint64_t limit) {
  check_model(file, edits);
  OnnxLayout layout = Rewriter(file, edits, {}).run();
  if (layout.model.size() > limit) layout = Rewriter(file, edits, data_name).run();
  return layout;
}

}  // namespace wquant
