#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mapped_file.h"
#include "formats/onnx_axes.h"
#include "formats/onnx_tensor.h"
#include "wquant/model.h"

namespace wquant {

/// Key of the metadata that a quantized model is known by.
inline constexpr std::string_view kOnnxQuantizedKey = "wquant.version";

/// One tensor of an ONNX model and where its elements lie, as ModelReader::read() gives them.
struct OnnxTensor {
  TensorInfo info;
  std::span<const std::byte> data;
  const MappedFile* file = nullptr;  ///< That holds the data; null: they were decoded into memory.
};

/// An .onnx file, mapped, with the files that hold its external data. Its tensors are the
/// initializers of the graph and of the graphs inside of it, and the floating-point tensors of
/// Constant nodes, by the names that the graph gives them. Throws Error naming the tensor.
class OnnxFile {
 public:
  explicit OnnxFile(const std::filesystem::path& path);
  OnnxFile(const OnnxFile&) = delete;
  OnnxFile& operator=(const OnnxFile&) = delete;

  /// The ModelProto.
  [[nodiscard]] std::span<const std::byte> bytes() const { return file_.bytes(); }
  [[nodiscard]] const MappedFile& file() const { return file_; }
  [[nodiscard]] const std::vector<OnnxTensor>& tensors() const { return tensors_; }
  /// The tensor whose TensorProto is `message` of this file; null when it is none of tensors().
  [[nodiscard]] const OnnxTensor* find(std::span<const std::byte> message) const;
  /// What the operators tell of the tensors.
  [[nodiscard]] const OnnxAxes& axes() const { return axes_; }
  /// Of the file and those of its external data.
  [[nodiscard]] std::uint64_t file_bytes() const;
  /// Version of the standard operators that the model uses.
  [[nodiscard]] std::uint64_t opset() const { return opset_; }
  [[nodiscard]] std::uint64_t ir_version() const { return ir_version_; }
  /// True for a model that quantize wrote: the tensors are what its weights are made of.
  [[nodiscard]] bool is_quantized() const { return is_quantized_; }
  /// What the metadata say that it is checked by; empty where they do not.
  [[nodiscard]] std::string_view checks() const { return checks_; }

 private:
  void read_model();
  void read_graph(std::span<const std::byte> graph, int depth);
  void read_node(std::span<const std::byte> node, int depth);
  void read_attribute(std::span<const std::byte> attribute, const std::string& constant, int depth);
  void read_metadata(std::span<const std::byte> entry);
  void read_opset(std::span<const std::byte> message);
  void add_tensor(std::span<const std::byte> message, const std::string& name);
  void place(std::span<const std::byte> message, const OnnxTensorProto& proto, OnnxTensor& tensor);
  void place_external(const OnnxTensorProto& proto, OnnxTensor& tensor);
  const MappedFile& external_file(const std::string& location);

  std::filesystem::path path_;
  MappedFile file_;
  std::map<std::filesystem::path, MappedFile> external_;
  std::deque<std::vector<std::byte>> decoded_;
  std::vector<OnnxTensor> tensors_;
  std::unordered_map<const std::byte*, std::size_t> by_message_;
  std::unordered_map<std::string, std::size_t> by_name_;
  OnnxAxes axes_;
  std::uint64_t opset_ = 0, ir_version_ = 0;
  bool is_quantized_ = false;
  std::string_view checks_;
};

}  // namespace wquant
