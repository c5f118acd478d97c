#include "formats/sharded_model.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "formats/shard_index.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

class ShardedModel : public ModelReader {
 public:
  ShardedModel(const fs::path& path, const ShardKind& kind) : path_(path.string()), kind_(kind) {
    const ShardIndex index = read_shard_index(path, kind.suffix);
    for (const ShardIndex::Entry& entry : index.entries) {
      open_file(index.path.parent_path(), entry.file);
    }
    for (const ShardIndex::Entry& entry : index.entries) take_tensor(entry);
    check_all_listed();
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return kind_.format; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    places_[index].model->read(places_[index].index, first, out);
  }
  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    return places_[index].model->view(places_[index].index);
  }
  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const override {
    places_[index].model->release(places_[index].index, first, size);
  }
  [[nodiscard]] std::size_t same_as(std::size_t index) const override {
    return places_[index].same_as;
  }
  [[nodiscard]] std::string_view file_of(std::size_t index) const override {
    return *places_[index].file;
  }
  [[nodiscard]] std::optional<OutputAxis> output_axis(std::size_t index) const override {
    return places_[index].model->output_axis(places_[index].index);
  }

 private:
  struct File {
    std::unique_ptr<ModelReader> model;
    std::map<std::string_view, std::size_t> left;  ///< Tensors that the index has not named yet.
    std::map<std::size_t, std::size_t> firsts;     ///< The first taken of those that are one.
  };
  struct Place {
    const ModelReader* model;
    std::size_t index;
    const std::string* file;
    std::size_t same_as;
  };

  void open_file(const fs::path& folder, const std::string& name) {
    File& file = files_[name];
    if (file.model) return;
    const fs::path path = folder / name;
    std::error_code code;
    if (!fs::exists(path, code)) {
      throw Error("the index names this file, but it is missing", "get it again")
          .at_file(path.string());
    }
    file.model = kind_.open_file(path);
    const std::vector<TensorInfo>& tensors = file.model->tensors();
    for (std::size_t i = 0; i < tensors.size(); ++i) file.left.emplace(tensors[i].name, i);
  }

  void take_tensor(const ShardIndex::Entry& entry) {
    auto& [name, file] = *files_.find(entry.file);
    const auto found = file.left.find(entry.tensor);
    if (found == file.left.end()) {
      throw Error(fmt::format("is not in {}, where the index puts it", printable(entry.file)))
          .at_tensor(entry.tensor);
    }
    const std::size_t index = found->second;
    const auto first = file.firsts.emplace(file.model->same_as(index), places_.size()).first;
    places_.push_back({file.model.get(), index, &name, first->second});
    tensors_.push_back(file.model->tensors()[index]);
    file.left.erase(found);
  }

  void check_all_listed() const {
    for (const auto& [name, file] : files_) {
      if (file.left.empty()) continue;
      throw Error(fmt::format("is in {}, but the index does not list it there", printable(name)))
          .at_tensor(file.left.begin()->first);
    }
  }

  std::string path_;
  ShardKind kind_;
  std::map<std::string, File> files_;  ///< By name.
  std::vector<TensorInfo> tensors_;
  std::vector<Place> places_;
};

}  // namespace

std::unique_ptr<ModelReader> open_sharded(const fs::path& path, const ShardKind& kind) {
  try {
    return std::make_unique<ShardedModel>(path, kind);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

}  // namespace wquant
