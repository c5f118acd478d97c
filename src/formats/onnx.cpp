#include "formats/onnx.h"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "formats/onnx_file.h"
#include "formats/read_view.h"
#include "wquant/error.h"

namespace wquant {
namespace {

class OnnxModel : public ModelReader {
 public:
  OnnxModel(const std::filesystem::path& path, std::unique_ptr<OnnxFile> file)
      : path_(path.string()), file_(std::move(file)) {
    for (const OnnxTensor& tensor : file_->tensors()) tensors_.push_back(tensor.info);
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "onnx"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    read_view(*this, index, first, out);
  }

  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    return file_->tensors()[index].data;
  }

  [[nodiscard]] std::optional<OutputAxis> output_axis(std::size_t index) const override {
    const TensorInfo& info = tensors_[index];
    const std::optional<std::size_t> axis = file_->axes().of(info.name, info.shape.size());
    return axis ? std::optional(OutputAxis{*axis}) : std::nullopt;
  }

  [[nodiscard]] bool is_weight(std::size_t index) const override {
    return !file_->axes().is_operand(tensors_[index].name);
  }

  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const override {
    const OnnxTensor& tensor = file_->tensors()[index];
    if (tensor.file == nullptr || tensor.data.empty()) return;
    const auto begin = tensor.data.data() - tensor.file->bytes().data();
    tensor.file->release(static_cast<std::uint64_t>(begin) + first, size);
  }

 private:
  std::string path_;
  std::unique_ptr<OnnxFile> file_;
  std::vector<TensorInfo> tensors_;
};

}  // namespace

bool onnx_claims(const Probe& probe) {
  constexpr char kFirstTag = 0x08;  // ir_version, a number.
  constexpr unsigned char kMaxVersion = 100;
  constexpr std::string_view kSecondTags = "\x12\x1a\x22\x28\x32\x3a\x42";
  if (probe.is_folder || probe.head.size() < 3 || probe.head[0] != kFirstTag) return false;
  const auto version = static_cast<unsigned char>(probe.head[1]);
  return version >= 1 && version <= kMaxVersion &&
         kSecondTags.find(probe.head[2]) != std::string_view::npos;
}

bool is_quantized_onnx(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) return false;
  std::string head(3, '\0');
  std::ifstream(path, std::ios::binary)
      .read(head.data(), static_cast<std::streamsize>(head.size()));
  try {
    return onnx_claims({path, false, head}) && OnnxFile(path).is_quantized();
  } catch (const Error&) {
    return false;
  }
}

std::unique_ptr<QuantizedReader> open_quantized_onnx(const std::filesystem::path& path) {
  try {
    return make_quantized_onnx_model(path, std::make_unique<OnnxFile>(path));
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

std::unique_ptr<ModelReader> open_onnx(const std::filesystem::path& path) {
  try {
    auto file = std::make_unique<OnnxFile>(path);
    if (file->is_quantized()) return make_quantized_onnx_model(path, std::move(file));
    return std::make_unique<OnnxModel>(path, std::move(file));
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

}  // namespace wquant
