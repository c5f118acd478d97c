#include "formats/onnx_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/number.h"
#include "base/text.h"
#include "formats/onnx_checks.h"
#include "formats/onnx_proto.h"
#include "formats/wire.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 32;  ///< Of graphs inside of graphs.

/// The output of a node that makes a constant; empty for any other node.
std::string constant_name(std::span<const std::byte> node) {
  std::string_view op, domain, output;
  WireReader reader(node);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxNodeField::kOpType) op = wire_text(field);
    if (field.number == OnnxNodeField::kDomain) domain = wire_text(field);
    if (field.number == OnnxNodeField::kOutput) output = wire_text(field);
  }
  const bool is_standard = domain.empty() || domain == "ai.onnx";
  return op == "Constant" && is_standard ? std::string(output) : std::string();
}

/// Throws unless the location is a path to below the model's folder.
void check_location(const fs::path& location) {
  const bool leaves = std::find(location.begin(), location.end(), "..") != location.end();
  if (location.empty() || location.is_absolute() || leaves) {
    throw Error(fmt::format("its data lie in {}", printable(location.string())),
                "only files in the folder of the model are read");
  }
}

fs::path resolve_location(const fs::path& model, const std::string& location) {
  check_location(location);
  std::error_code code;
  const fs::path folder = fs::canonical(model.has_parent_path() ? model.parent_path() : ".", code);
  fs::path target = code ? fs::path() : fs::canonical(folder / location, code);
  if (code) {
    throw Error(fmt::format("its data should lie in {}: {}", printable(location), code.message()),
                "put the file beside the model");
  }
  const fs::path relative = target.lexically_relative(folder);
  if (relative.empty() || *relative.begin() == "..") {
    throw Error(fmt::format("its data lie in {}, a link out of the folder", printable(location)),
                "put a copy of the file in its place");
  }
  return target;
}

std::uint64_t external_number(const OnnxTensorProto& proto, const std::string& key,
                              std::uint64_t otherwise) {
  const auto entry = proto.external.find(key);
  if (entry == proto.external.end()) return otherwise;
  const auto number = parse_number<std::uint64_t>(entry->second);
  if (!number) {
    throw Error(fmt::format("the {} of its data is {}", key, printable(entry->second)));
  }
  return *number;
}

}  // namespace

OnnxFile::OnnxFile(const fs::path& path) : path_(path), file_(path) { read_model(); }

std::uint64_t OnnxFile::file_bytes() const {
  std::uint64_t bytes = file_.bytes().size();
  for (const auto& [path, file] : external_) bytes += file.bytes().size();
  return bytes;
}

const OnnxTensor* OnnxFile::find(std::span<const std::byte> message) const {
  const auto entry = by_message_.find(message.data());
  return entry == by_message_.end() ? nullptr : &tensors_[entry->second];
}

void OnnxFile::read_model() {
  bool has_graph = false;
  WireReader reader(file_.bytes());
  for (WireField field; reader.next(field);) {
    switch (field.number) {
      case OnnxModelField::kIrVersion:
        ir_version_ = wire_number(field);
        break;
      case OnnxModelField::kGraph:
        if (has_graph) throw Error("holds two graphs");
        has_graph = true;
        read_graph(wire_message(field), 0);
        break;
      case OnnxModelField::kOpsetImport:
        read_opset(wire_message(field));
        break;
      case OnnxModelField::kMetadata:
        read_metadata(wire_message(field));
        break;
      default:
        break;
    }
  }
  if (!has_graph) throw Error("holds no graph", "is it an ONNX model?");
}

void OnnxFile::read_metadata(std::span<const std::byte> entry) {
  std::string_view key, value;
  WireReader reader(entry);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxEntryField::kKey) key = wire_text(field);
    if (field.number == OnnxEntryField::kValue) value = wire_text(field);
  }
  if (key == kOnnxQuantizedKey) is_quantized_ = true;
  if (key == kOnnxChecksKey) checks_ = value;
}

void OnnxFile::read_opset(std::span<const std::byte> message) {
  std::string_view domain;
  std::uint64_t version = 0;
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxOpsetField::kDomain) domain = wire_text(field);
    if (field.number == OnnxOpsetField::kVersion) version = wire_number(field);
  }
  if (domain.empty() || domain == "ai.onnx") opset_ = version;
}

void OnnxFile::read_graph(std::span<const std::byte> graph, int depth) {
  if (depth > kMaxDepth) throw Error("its graphs are nested too deeply");
  WireReader reader(graph);
  for (WireField field; reader.next(field);) {
    switch (field.number) {
      case OnnxGraphField::kNode:
        read_node(wire_message(field), depth);
        break;
      case OnnxGraphField::kInitializer:
        add_tensor(wire_message(field), {});
        break;
      case OnnxGraphField::kSparseInitializer:
        throw Error("holds a sparse tensor, which cannot be read", "make its weights dense");
      default:
        break;
    }
  }
}

void OnnxFile::read_node(std::span<const std::byte> node, int depth) {
  const std::string constant = constant_name(node);
  axes_.add_node(node);
  WireReader reader(node);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxNodeField::kAttribute) {
      read_attribute(wire_message(field), constant, depth);
    }
  }
}

void OnnxFile::read_attribute(std::span<const std::byte> attribute, const std::string& constant,
                              int depth) {
  WireReader reader(attribute);
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxAttributeField::kGraph || field.number == OnnxAttributeField::kGraphs) {
      read_graph(wire_message(field), depth + 1);
    } else if (field.number == OnnxAttributeField::kTensor && !constant.empty()) {
      // Constants of other types are shapes and axes: part of the graph, not weights.
      if (is_onnx_float(wire_message(field))) add_tensor(wire_message(field), constant);
    }
  }
}

void OnnxFile::add_tensor(std::span<const std::byte> message, const std::string& name) {
  OnnxTensorProto proto = parse_onnx_tensor(message);
  if (!name.empty()) proto.info.name = name;
  if (proto.info.name.empty()) throw Error("holds a tensor without a name");
  try {
    if (!by_name_.emplace(proto.info.name, tensors_.size()).second) {
      throw Error("two tensors have this name");
    }
    OnnxTensor tensor;
    place(message, proto, tensor);
    tensor.info = std::move(proto.info);
    by_message_.emplace(message.data(), tensors_.size());
    tensors_.push_back(std::move(tensor));
  } catch (Error& error) {
    error.at_tensor(proto.info.name);
    throw;
  }
}

void OnnxFile::place(std::span<const std::byte> message, const OnnxTensorProto& proto,
                     OnnxTensor& tensor) {
  if (proto.is_external) return place_external(proto, tensor);
  tensor.file = &file_;
  if (proto.raw) {
    tensor.data = *proto.raw;
  } else if (proto.info.count() != 0 || proto.has_values) {
    tensor.data = find_onnx_values(message, proto.info);
    if (!tensor.data.empty()) return;
    tensor.data = decoded_.emplace_back(decode_onnx_values(message, proto.info));
    tensor.file = nullptr;
  }
}

void OnnxFile::place_external(const OnnxTensorProto& proto, OnnxTensor& tensor) {
  const auto location = proto.external.find("location");
  if (location == proto.external.end()) throw Error("does not say in which file its data lie");
  const std::uint64_t size = proto.info.bytes();
  const std::uint64_t offset = external_number(proto, "offset", 0);
  const std::uint64_t length = external_number(proto, "length", size);
  if (length != size) {
    throw Error(fmt::format("its data are {} bytes where its shape {} takes {}", length,
                            shape_text(proto.info.shape), size));
  }
  const MappedFile& file = external_file(location->second);
  if (offset > file.bytes().size() || size > file.bytes().size() - offset) {
    throw Error(fmt::format("its data end after the end of {}", printable(location->second)),
                "get the file again");
  }
  tensor.file = &file;
  tensor.data = file.bytes().subspan(offset, size);
}

const MappedFile& OnnxFile::external_file(const std::string& location) {
  const fs::path path = resolve_location(path_, location);
  const auto entry = external_.find(path);
  return entry != external_.end() ? entry->second : external_.emplace(path, path).first->second;
}

}  // namespace wquant
