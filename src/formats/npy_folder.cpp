#include "formats/npy_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "formats/npy_file.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".npy";

/// ".npy" alone names no tensor.
bool is_npy_name(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.size() > kSuffix.size() && name.ends_with(kSuffix);
}

std::string tensor_name(const fs::path& file, const fs::path& folder) {
  const std::string name = file.lexically_relative(folder).generic_string();
  return name.substr(0, name.size() - kSuffix.size());
}

/// Throws unless the target of a symbolic link is a file of the folder.
void check_link(const fs::directory_entry& entry, const fs::path& folder) {
  if (!entry.is_symlink()) return;
  const fs::path target = fs::canonical(entry.path());
  const fs::path relative = target.lexically_relative(fs::canonical(folder));
  if (relative.empty() || *relative.begin() == "..") {
    throw Error("is a symbolic link out of the folder", "put a copy of the file in its place");
  }
}

using Names = std::vector<std::pair<std::string, fs::path>>;

/// Tensor names and paths of all .npy files of the folder.
Names list_files(const fs::path& folder) {
  Names names;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_symlink() && fs::is_directory(entry.status())) {
      throw Error("holds a symbolic link to a folder, " + entry.path().filename().string(),
                  "put a copy of it in its place");
    }
    if (!is_npy_name(entry.path()) || entry.is_directory()) continue;
    names.emplace_back(tensor_name(entry.path(), folder), entry.path());
    try {
      check_link(entry, folder);
    } catch (Error& error) {
      error.at_tensor(names.back().first);
      throw;
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class NpyFolderModel : public ModelReader {
 public:
  explicit NpyFolderModel(const fs::path& path) : path_(path.string()) {
    const Names names = list_files(path);
    if (names.empty()) throw Error("the folder holds no .npy file");
    for (const auto& [name, file] : names) add_file(name, file);
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "npy-folder"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    try {
      files_[index].read(first, out);
    } catch (Error& error) {
      error.at_tensor(tensors_[index].name).at_file(path_);
      throw;
    }
  }
  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    return files_[index].view();
  }
  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const override {
    files_[index].release(first, size);
  }

 private:
  void add_file(const std::string& name, const fs::path& path) {
    try {
      const NpyHeader& header = files_.emplace_back(path).header();
      tensors_.push_back({name, header.shape, header.dtype});
    } catch (Error& error) {
      error.at_tensor(name);
      throw;
    }
  }

  std::string path_;
  std::vector<NpyFile> files_;
  std::vector<TensorInfo> tensors_;
};

}  // namespace

bool npy_folder_claims(const Probe& probe) { return probe.is_folder; }

std::unique_ptr<ModelReader> open_npy_folder(const fs::path& path) {
  try {
    return std::make_unique<NpyFolderModel>(path);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  } catch (const fs::filesystem_error& error) {
    throw Error("cannot read the folder: " + error.code().message()).at_file(path.string());
  }
}

}  // namespace wquant
