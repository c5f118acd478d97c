#include "formats/gguf.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/float_environment.h"
#include "base/mapped_file.h"
#include "formats/gguf_header.h"
#include "formats/read_view.h"
#include "wquant/error.h"

namespace wquant {
namespace {

class GgufModel : public ModelReader {
 public:
  explicit GgufModel(const std::filesystem::path& path)
      : path_(path.string()), file_(path), places_(read_gguf_header(file_.bytes())) {
    for (const GgufTensor& place : places_) tensors_.push_back(place.info);
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "gguf"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    check_range(*this, index, first, out.size());
    if (out.empty()) return;
    const FloatEnvironment environment;
    if (places_[index].type->decode != nullptr) return decode(index, first, out);
    std::memcpy(out.data(), stored(index).data() + first, out.size());
  }

  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    if (places_[index].type->decode != nullptr) return {};
    return stored(index);
  }

  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const override {
    const GgufTensor& place = places_[index];
    if (place.type->decode == nullptr) return file_.release(place.begin + first, size);
    const std::uint64_t block = kGgufBlock * sizeof(float);
    file_.release(place.begin + first / block * place.type->bytes,
                  size / block * place.type->bytes);
  }

 private:
  [[nodiscard]] std::span<const std::byte> stored(std::size_t index) const {
    return file_.bytes().subspan(places_[index].begin, places_[index].size);
  }

  /// The range block by block; it may begin and end within one.
  void decode(std::size_t index, std::uint64_t first, std::span<std::byte> out) const {
    const GgufType& type = *places_[index].type;
    std::array<float, kGgufBlock> floats = {};
    const std::span<const std::byte> decoded = std::as_bytes(std::span(floats));
    const std::byte* block = stored(index).data() + first / decoded.size() * type.bytes;
    std::size_t skip = first % decoded.size();
    while (!out.empty()) {
      type.decode(block, floats.data());
      const std::size_t size = std::min(decoded.size() - skip, out.size());
      std::memcpy(out.data(), decoded.data() + skip, size);
      out = out.subspan(size);
      block += type.bytes;
      skip = 0;
    }
  }

  std::string path_;
  MappedFile file_;
  std::vector<GgufTensor> places_;
  std::vector<TensorInfo> tensors_;
};

}  // namespace

bool gguf_claims(const Probe& probe) { return probe.head.starts_with("GGUF"); }

std::unique_ptr<ModelReader> open_gguf(const std::filesystem::path& path) {
  try {
    return std::make_unique<GgufModel>(path);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

}  // namespace wquant
