#include "formats/json.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "formats/json_parser.h"
#include "wquant/error.h"

namespace wquant {
namespace {

std::vector<JsonTensor> parse_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_json_model(
      {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
}

class JsonModel : public ModelReader {
 public:
  explicit JsonModel(const std::filesystem::path& path) : path_(path.string()) {
    for (JsonTensor& tensor : parse_file(path)) {
      tensors_.push_back(std::move(tensor.info));
      bytes_.push_back(std::move(tensor.bytes));
    }
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "json"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    const std::span<const std::byte> whole = view(index);
    if (first > whole.size() || out.size() > whole.size() - first) {
      throw Error("range lies outside the tensor").at_tensor(tensors_[index].name).at_file(path_);
    }
    if (!out.empty()) std::memcpy(out.data(), whole.data() + first, out.size());
  }
  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    return bytes_[index];
  }

 private:
  std::string path_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::vector<std::byte>> bytes_;
};

}  // namespace

bool json_claims(const Probe& probe) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::string_view head = probe.head;
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  const std::size_t brace = head.find_first_not_of(kSpace);
  if (brace == std::string_view::npos || head[brace] != '{') return false;
  const std::size_t next = head.find_first_not_of(kSpace, brace + 1);
  return next == std::string_view::npos || head[next] == '"' || head[next] == '}';
}

std::unique_ptr<ModelReader> open_json(const std::filesystem::path& path) {
  try {
    return std::make_unique<JsonModel>(path);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

}  // namespace wquant
