#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/float_convert.h"
#include "formats/onnx.h"
#include "formats/onnx_chains.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::uint64_t kSlab = std::uint64_t{1} << 14;  ///< Elements decoded at a time.

class QuantizedOnnxModel : public ModelReader {
 public:
  QuantizedOnnxModel(const std::filesystem::path& path, std::unique_ptr<OnnxFile> file)
      : path_(path.string()), file_(std::move(file)), parts_(find_onnx_chains(*file_)) {
    for (const OnnxChain& chain : parts_.chains) {
      tensors_.push_back(chain.info);
      std::vector<float> levels(std::size_t{1} << chain.bits);
      std::memcpy(levels.data(), data(chain.levels).data(), data(chain.levels).size());
      levels_.push_back(std::move(levels));
    }
    for (const std::size_t index : parts_.kept) tensors_.push_back(file_->tensors()[index].info);
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return kQuantizedOnnx; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    const std::uint64_t whole = tensors_[index].bytes();
    if (first > whole || out.size() > whole - first) {
      throw Error("range lies outside the tensor").at_tensor(tensors_[index].name).at_file(path_);
    }
    if (out.empty()) return;
    if (index < parts_.chains.size()) {
      decode_range(index, first, out);
    } else {
      std::memcpy(out.data(), view(index).data() + first, out.size());
    }
  }

  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    if (index < parts_.chains.size()) return {};
    return data(parts_.kept[index - parts_.chains.size()]);
  }

 private:
  [[nodiscard]] std::span<const std::byte> data(std::size_t index) const {
    return file_->tensors()[index].data;
  }

  /// The range may begin and end inside of an element.
  void decode_range(std::size_t index, std::uint64_t first, std::span<std::byte> out) const {
    const OnnxChain& chain = parts_.chains[index];
    const std::span<const std::byte> codes = data(chain.codes);
    const std::uint64_t size = size_of(chain.info.dtype);
    std::vector<float> floats(std::min(kSlab, out.size() / size + 2));
    std::vector<std::byte> elements(floats.size() * size);
    while (!out.empty()) {
      const std::uint64_t skip = first % size;
      const std::uint64_t count = std::min(floats.size(), (skip + out.size() + size - 1) / size);
      decode({reinterpret_cast<const std::uint8_t*>(codes.data()), codes.size()}, first / size,
             chain.bits, levels_[index], std::span(floats).first(count));
      from_floats(chain.info.dtype, std::span(floats).first(count),
                  std::span(elements).first(count * size));
      const std::uint64_t length = std::min(out.size(), count * size - skip);
      std::memcpy(out.data(), elements.data() + skip, length);
      out = out.subspan(length);
      first += length;
    }
  }

  std::string path_;
  std::unique_ptr<OnnxFile> file_;
  OnnxChains parts_;
  std::vector<std::vector<float>> levels_;  ///< Of each chain.
  std::vector<TensorInfo> tensors_;
};

}  // namespace

std::unique_ptr<ModelReader> make_quantized_onnx_model(const std::filesystem::path& path,
                                                       std::unique_ptr<OnnxFile> file) {
  return std::make_unique<QuantizedOnnxModel>(path, std::move(file));
}

}  // namespace wquant
