#include "formats/safetensors_shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/text.h"
#include "formats/safetensors.h"
#include "formats/strict_json.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".safetensors.index.json";
constexpr std::uint64_t kMaxIndex = 100'000'000;

bool is_index(const fs::path& path) { return path.filename().string().ends_with(kSuffix); }

/// The index files of a folder.
std::vector<fs::path> find_indexes(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    if (is_index(entry.path()) && !entry.is_directory(code)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

fs::path index_of(const fs::path& path) {
  if (!fs::is_directory(path)) return path;
  const std::vector<fs::path> found = find_indexes(path);
  if (found.size() == 1) return found.front();
  throw Error(fmt::format("the folder holds {} files *{}", found.size(), kSuffix),
              "name the one to read");
}

struct IndexEntry {
  std::string tensor, file;
};

/// Throws unless the name is that of a file beside the index.
void check_file_name(const std::string& name) {
  const bool is_plain = !name.empty() && name != "." && name != ".." &&
                        name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
  if (!is_plain) {
    throw Error(fmt::format("the index puts it into \"{}\", which is no file beside the index",
                            printable(name)));
  }
}

std::vector<IndexEntry> read_index(const fs::path& path) {
  const MappedFile file(path);
  if (file.bytes().size() > kMaxIndex) {
    throw Error(
        fmt::format("the index has {} bytes, more than {}", file.bytes().size(), kMaxIndex));
  }
  std::vector<IndexEntry> entries;
  const auto add = [&](const std::string& name, const nlohmann::json& value) {
    try {
      if (!value.is_string()) throw Error("the index does not name its file");
      entries.push_back({name, value.get<std::string>()});
      check_file_name(entries.back().file);
    } catch (Error& error) {
      error.at_tensor(name);
      throw;
    }
  };
  parse_json_members({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()},
                     "the index",
                     [](const std::string& name, const nlohmann::json& value) {
                       if (name == "weight_map" && !value.is_null())
                         throw Error("its weight_map is no object");
                     },
                     {"weight_map", add});
  if (entries.empty()) throw Error("the index lists no tensor: its weight_map is missing or empty");
  return entries;
}

class ShardedModel : public ModelReader {
 public:
  explicit ShardedModel(const fs::path& path) : path_(path.string()) {
    const fs::path index = index_of(path);
    const std::vector<IndexEntry> entries = read_index(index);
    for (const IndexEntry& entry : entries) open_file(index.parent_path(), entry.file);
    for (const IndexEntry& entry : entries) take_tensor(entry);
    check_all_listed();
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "safetensors-shards"; }
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

 private:
  struct File {
    std::unique_ptr<ModelReader> model;
    std::map<std::string_view, std::size_t> left;  ///< Tensors that the index has not named yet.
  };
  struct Place {
    const ModelReader* model;
    std::size_t index;
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
    file.model = open_safetensors(path);
    const std::vector<TensorInfo>& tensors = file.model->tensors();
    for (std::size_t i = 0; i < tensors.size(); ++i) file.left.emplace(tensors[i].name, i);
  }

  void take_tensor(const IndexEntry& entry) {
    File& file = files_.at(entry.file);
    const auto found = file.left.find(entry.tensor);
    if (found == file.left.end()) {
      throw Error(fmt::format("is not in {}, where the index puts it", printable(entry.file)))
          .at_tensor(entry.tensor);
    }
    places_.push_back({file.model.get(), found->second});
    tensors_.push_back(file.model->tensors()[found->second]);
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
  std::map<std::string, File> files_;  ///< By name.
  std::vector<TensorInfo> tensors_;
  std::vector<Place> places_;
};

}  // namespace

bool safetensors_shards_claims(const Probe& probe) {
  return probe.is_folder ? !find_indexes(probe.path).empty() : is_index(probe.path);
}

std::unique_ptr<ModelReader> open_safetensors_shards(const fs::path& path) {
  try {
    return std::make_unique<ShardedModel>(path);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

bool is_safetensors_shard(const fs::path& file, const fs::path& path) {
  if (!is_index(path)) return false;
  try {
    for (const IndexEntry& entry : read_index(path)) {
      std::error_code code;
      if (fs::equivalent(file, path.parent_path() / entry.file, code) && !code) return true;
    }
  } catch (const Error&) {
    return false;  // Opening it tells what is wrong.
  }
  return false;
}

}  // namespace wquant
