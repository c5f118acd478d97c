#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "wquant/formats.h"

namespace wquant {

/// What a format is recognised by.
struct Probe {
  const std::filesystem::path& path;
  bool is_folder;
  std::string_view head;  ///< The first bytes of a file, at most 4096; empty for a folder.
};

/// One row of the table of formats: everything the rest of the program knows of it.
struct Format {
  std::string_view name;
  std::string_view help;
  std::span<const std::string_view> extensions;  ///< With the dot, in lower case.
  /// True when the content is of this format; the first row that says so wins. Null: the
  /// extension alone decides.
  bool (*claims)(const Probe& probe);
  std::unique_ptr<ModelReader> (*open)(const std::filesystem::path& path);
  /// Null where the format is only read.
  void (*write)(const ModelReader& model, const std::filesystem::path& path, Overwrite overwrite,
                const RunOptions& options);
  /// Writes `like`, a file of this format that holds more than weights, with the weights of
  /// `model`. Null where there is no such file.
  void (*write_like)(const ModelReader& model, const std::filesystem::path& path,
                     const std::filesystem::path& like, Overwrite overwrite,
                     const RunOptions& options) = nullptr;
  /// False where the program was built without the library that the format needs. Null: always
  /// true.
  bool (*is_built)() = nullptr;
  /// True where a model lies in several files with an index.
  bool is_sharded = false;
};

/// True when the model lies in several files with an index.
bool is_sharded_model(const std::filesystem::path& path);

/// The table, in the order in which content is tried.
std::span<const Format> format_table();

/// The format that the extension of a name tells; null where it tells none.
const Format* format_of_extension(const std::filesystem::path& path);

/// The format that write_model() writes, which has a `write`. Throws Error (usage).
const Format& format_for_writing(const std::filesystem::path& path, std::string_view name);

}  // namespace wquant
