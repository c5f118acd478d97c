#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "formats/npy_file.h"
#include "formats/npy_folder.h"
#include "formats/slabs.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".npy";
constexpr std::size_t kMaxFileName = 255;

/// For a part of a path of which the last gets the suffix.
bool is_file_name(std::string_view part) {
  return !part.empty() && part != "." && part != ".." &&
         part.size() <= kMaxFileName - kSuffix.size() && part.find('\0') == std::string_view::npos;
}

/// The path of a tensor's file in the folder; never outside of it.
fs::path file_of(const std::string& tensor) {
  for (std::size_t begin = 0; begin <= tensor.size();) {
    const std::size_t end = std::min(tensor.find('/', begin), tensor.size());
    if (!is_file_name(std::string_view(tensor).substr(begin, end - begin))) {
      throw Error("its name cannot be that of a file in a folder", "write npz or safetensors")
          .at_tensor(tensor);
    }
    begin = end + 1;
  }
  return tensor + std::string(kSuffix);
}

/// What lies in a folder that is to be replaced.
struct Contents {
  std::vector<fs::path> files, folders;  ///< Relative; a folder after what lies in it.
};

/// Throws unless the folder holds nothing but .npy files.
Contents list_contents(const fs::path& folder) {
  Contents contents;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path relative = entry.path().lexically_relative(folder);
    if (entry.is_directory() && !entry.is_symlink()) {
      contents.folders.push_back(relative);
    } else if (entry.is_regular_file() && !entry.is_symlink() && relative.extension() == kSuffix) {
      contents.files.push_back(relative);
    } else {
      throw Error(fmt::format("holds {}, which is no .npy file, and is not replaced",
                              relative.generic_string()),
                  "give another folder");
    }
  }
  std::reverse(contents.folders.begin(), contents.folders.end());
  return contents;
}

/// A folder that appears under its name only when it is complete: a temporary sibling until then,
/// which the destructor removes.
class OutputFolder {
 public:
  OutputFolder(fs::path path, Overwrite overwrite) : path_(std::move(path)) {
    std::error_code code;
    exists_ = fs::exists(path_, code);
    if (exists_) check_existing(overwrite);
    std::string name = (path_.parent_path() / ".wquant-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) fail("cannot create a folder beside it", errno);
    temporary_ = name;
    fs::permissions(temporary_, fs::perms::owner_all | (exists_ ? fs::status(path_).permissions()
                                                                : default_permissions()));
  }
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder() {
    std::error_code ignored;
    if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  }

  [[nodiscard]] const fs::path& temporary_path() const { return temporary_; }

  void commit() {
    if (!exists_) {
      rename_temporary();
      return;
    }
    // What came into the old folder since it was checked stays: it goes only when it is empty.
    const Contents old = list_contents(path_);
    swap_with_old();
    const fs::path leftover = std::exchange(temporary_, {});
    for (const fs::path& file : old.files) fs::remove(leftover / file);
    for (const fs::path& folder : old.folders) fs::remove(leftover / folder);
    fs::remove(leftover);
  }

 private:
  void check_existing(Overwrite overwrite) {
    if (!fs::is_directory(path_)) throw Error("exists and is not a folder", "give another name");
    path_ = fs::canonical(path_);  // A symbolic link stays and its target is replaced.
    if (overwrite == Overwrite::kRefuse && !fs::is_empty(path_)) {
      throw Error("exists and is not empty", "give --force to replace it");
    }
    static_cast<void>(list_contents(path_));
  }

  static fs::perms default_permissions() {
    const mode_t mask = umask(0);
    umask(mask);
    return static_cast<fs::perms>(0777U & ~mask);
  }

  /// Fails when somebody has made the folder meanwhile and put something into it.
  void rename_temporary() {
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot rename to it", errno);
    temporary_.clear();
  }

  void swap_with_old() const {
    if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
      return;
    }
    // Not every file system can swap two names at once.
    const fs::path aside = temporary_.string() + "-old";
    fs::rename(path_, aside);
    fs::rename(temporary_, path_);
    fs::rename(aside, temporary_);
  }

  [[noreturn]] void fail(const char* doing, int code) const {
    throw Error(fmt::format("{}: {}", doing, std::generic_category().message(code)));
  }

  fs::path path_, temporary_;
  bool exists_ = false;
};

void write_files(const ModelReader& model, const std::vector<fs::path>& files,
                 const fs::path& folder, RunMeter& meter) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    const fs::path file = folder / files[i];
    try {
      fs::create_directories(file.parent_path());
      write_npy_file(model, i, file, Overwrite::kRefuse, meter);
    } catch (const fs::filesystem_error& error) {
      throw Error("cannot create its folder: " + error.code().message())
          .at_tensor(model.tensors()[i].name);
    }
  }
}

void write_folder(const ModelReader& model, const fs::path& path, Overwrite overwrite,
                  const RunOptions& options) {
  if (model.tensors().empty()) throw Error("the model has no tensors", "write npz or safetensors");
  std::vector<fs::path> files;
  for (const TensorInfo& info : model.tensors()) {
    files.push_back(file_of(info.name));
    static_cast<void>(make_npy_header(info));  // Throws before the work for what cannot be written.
  }
  OutputFolder folder(path, overwrite);
  RunMeter meter(options, total_bytes(model));
  write_files(model, files, folder.temporary_path(), meter);
  folder.commit();
}

}  // namespace

void write_npy_folder(const ModelReader& model, const fs::path& path, Overwrite overwrite,
                      const RunOptions& options) {
  const fs::path target = path.has_filename() ? path : path.parent_path();
  try {
    write_folder(model, target, overwrite, options);
  } catch (Error& error) {
    error.at_file(target.string());
    throw;
  } catch (const fs::filesystem_error& error) {
    throw Error(fmt::format("cannot write or replace {}: {}", error.path1().string(),
                            error.code().message()))
        .at_file(target.string());
  }
}

}  // namespace wquant
