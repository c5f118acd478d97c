#include "formats/output_folder.h"

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

#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

/// What lies in a folder that is to be replaced.
struct Contents {
  std::vector<fs::path> files, folders;  ///< Relative; a folder after what lies in it.
};

bool has_suffix(const fs::path& file, OutputFolder::Suffixes suffixes) {
  const std::string name = file.filename().string();
  return std::any_of(suffixes.begin(), suffixes.end(), [&](std::string_view suffix) {
    return name.size() > suffix.size() && name.ends_with(suffix);
  });
}

/// Throws unless the folder holds nothing but files with these suffixes.
Contents list_contents(const fs::path& folder, OutputFolder::Suffixes suffixes) {
  Contents contents;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path relative = entry.path().lexically_relative(folder);
    if (entry.is_directory() && !entry.is_symlink()) {
      contents.folders.push_back(relative);
    } else if (entry.is_regular_file() && !entry.is_symlink() && has_suffix(relative, suffixes)) {
      contents.files.push_back(relative);
    } else {
      throw Error(fmt::format("holds {}, which is no {} file, and is not replaced",
                              relative.generic_string(), suffixes.front()),
                  "give another folder");
    }
  }
  std::reverse(contents.folders.begin(), contents.folders.end());
  return contents;
}

fs::perms default_permissions() {
  const mode_t mask = umask(0);
  umask(mask);
  return static_cast<fs::perms>(0777U & ~mask);
}

[[noreturn]] void fail(const char* doing, int code) {
  throw Error(fmt::format("{}: {}", doing, std::generic_category().message(code)));
}

}  // namespace

OutputFolder::OutputFolder(fs::path path, Overwrite overwrite, Suffixes suffixes)
    : path_(std::move(path)), suffixes_(suffixes) {
  std::error_code code;
  exists_ = fs::exists(path_, code);
  if (exists_) check_existing(overwrite);
  std::string name = (path_.parent_path() / ".wquant-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) fail("cannot create a folder beside it", errno);
  temporary_ = name;
  fs::permissions(temporary_, fs::perms::owner_all | (exists_ ? fs::status(path_).permissions()
                                                              : default_permissions()));
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void OutputFolder::commit() {
  if (!exists_) {
    rename_temporary();
    return;
  }
  // What came into the old folder since it was checked stays: it goes only when it is empty.
  const Contents old = list_contents(path_, suffixes_);
  swap_with_old();
  const fs::path leftover = std::exchange(temporary_, {});
  for (const fs::path& file : old.files) fs::remove(leftover / file);
  for (const fs::path& folder : old.folders) fs::remove(leftover / folder);
  fs::remove(leftover);
}

void OutputFolder::check_existing(Overwrite overwrite) {
  if (!fs::is_directory(path_)) throw Error("exists and is not a folder", "give another name");
  path_ = fs::canonical(path_);  // A symbolic link stays and its target is replaced.
  if (overwrite == Overwrite::kRefuse && !fs::is_empty(path_)) {
    throw Error("exists and is not empty", "give --force to replace it");
  }
  static_cast<void>(list_contents(path_, suffixes_));
}

/// Fails when somebody has made the folder meanwhile and put something into it.
void OutputFolder::rename_temporary() {
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot rename to it", errno);
  temporary_.clear();
}

void OutputFolder::swap_with_old() const {
  if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
    return;
  }
  // Not every file system can swap two names at once.
  const fs::path aside = temporary_.string() + "-old";
  fs::rename(path_, aside);
  fs::rename(temporary_, path_);
  fs::rename(aside, temporary_);
}

void write_output_folder(const fs::path& path,
                         const std::function<void(const fs::path& folder)>& write) {
  const fs::path folder = path.has_filename() ? path : path.parent_path();
  try {
    write(folder);
  } catch (Error& error) {
    error.at_file(folder.string());
    throw;
  } catch (const fs::filesystem_error& error) {
    throw Error(fmt::format("cannot write or replace {}: {}", error.path1().string(),
                            error.code().message()))
        .at_file(folder.string());
  }
}

}  // namespace wquant
