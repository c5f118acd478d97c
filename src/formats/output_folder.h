#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "wquant/formats.h"

namespace wquant {

/// A folder of files that appears under its name only when it is complete: a temporary sibling
/// until then, which the destructor removes. Throws Error and std::filesystem::filesystem_error.
class OutputFolder {
 public:
  /// Ends of file names.
  using Suffixes = std::span<const std::string_view>;

  /// A folder that exists is replaced when it is empty, or when `overwrite` allows it and it holds
  /// nothing but files with one of the suffixes, which must outlive the object.
  OutputFolder(std::filesystem::path path, Overwrite overwrite, Suffixes suffixes);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();

  /// Where the files go until commit().
  [[nodiscard]] const std::filesystem::path& temporary_path() const { return temporary_; }

  void commit();

 private:
  void check_existing(Overwrite overwrite);
  void rename_temporary();
  void swap_with_old() const;

  std::filesystem::path path_, temporary_;
  Suffixes suffixes_;
  bool exists_ = false;
};

/// Calls `write` with the path of a folder, without a slash at its end; whatever it throws becomes
/// an Error that names the folder.
void write_output_folder(const std::filesystem::path& path,
                         const std::function<void(const std::filesystem::path& folder)>& write);

}  // namespace wquant
