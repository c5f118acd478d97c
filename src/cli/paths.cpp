#include "cli/paths.h"

#include <fmt/format.h>

#include <system_error>

#include "formats/format.h"
#include "formats/shard_index.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSafetensors = ".safetensors";
constexpr std::string_view kOnnx = ".onnx";
constexpr std::string_view kIndex = ".index";

std::string without_suffix(std::string name, std::string_view suffix) {
  if (name.size() > suffix.size() && name.ends_with(suffix)) {
    name.resize(name.size() - suffix.size());
  }
  return name;
}

/// The name of a quantized file without its extension.
std::string quantized_stem(const fs::path& path) {
  std::string name = path.filename().string();
  for (const std::string_view suffix : {kSafetensors, kOnnx}) name = without_suffix(name, suffix);
  return name;
}

/// The name of a model's file without its extension, an index's without all of them.
std::string input_stem(const fs::path& file) {
  const std::string name = file.stem().string();
  return name.ends_with(kIndex) ? fs::path(name).stem().stem().string() : name;
}

/// `folder/` as `folder`, and "." by its real name.
fs::path named(const fs::path& path) {
  fs::path plain = path.has_filename() ? path : path.parent_path();
  if (plain != "." && plain.filename() != "..") return plain;
  return fs::weakly_canonical(plain);
}

std::string_view extension_of(std::string_view format) {
  if (format.empty()) return ".npz";
  for (const Format& row : format_table()) {
    if (row.name == format && !row.extensions.empty()) return row.extensions.front();
  }
  return "";
}

/// True when both exist and are the same, whatever the names.
bool is_same(const fs::path& a, const fs::path& b) {
  std::error_code code;
  return fs::equivalent(a, b, code) && !code;
}

/// True when `path` lies at any depth of `folder`.
bool lies_in(const fs::path& path, const fs::path& folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) return false;
  fs::path above = fs::weakly_canonical(path, code);
  while (above.has_relative_path()) {
    above = above.parent_path();
    if (is_same(above, folder)) return true;
  }
  return false;
}

}  // namespace

fs::path quantized_path(const fs::path& input, std::string_view mode, int bits, bool is_folder) {
  const fs::path path = named(input);
  const std::string stem = fs::is_directory(path) ? path.filename().string() : input_stem(path);
  const std::string_view extension = is_folder ? std::string_view() : kSafetensors;
  const std::string width = bits == 0 ? std::string() : std::to_string(bits);
  return path.parent_path() / fmt::format("{}.{}{}{}", stem, mode, width, extension);
}

fs::path report_path(const fs::path& written) {
  const fs::path output = named(written);
  return output.parent_path() / (quantized_stem(output) + ".report.json");
}

fs::path float_path(const fs::path& read, std::string_view format) {
  const fs::path file = named(read);
  const std::string stem = quantized_stem(file);
  fs::path path = file.parent_path() / (stem + std::string(extension_of(format)));
  if (path != file) return path;
  return file.parent_path() / (stem + ".float" + std::string(extension_of(format)));
}

void require_exists(const fs::path& path) {
  std::error_code code;
  if (!fs::exists(path, code)) throw Error("no such file or folder").at_file(path.string());
}

void check_output(const fs::path& output, const fs::path& input, bool force) {
  std::error_code code;
  const bool exists = fs::exists(output, code);
  if (is_same(output, input) ||
      (exists && (lies_in(output, input) || is_shard_of(output, input)))) {
    throw Error("the output would replace the input", "give another name with -o",
                ErrorKind::kUsage)
        .at_file(output.string());
  }
  if (!force && exists) {
    throw Error("exists", "give --force to replace it, or another name with -o")
        .at_file(output.string());
  }
  const fs::path above = named(output).parent_path();
  const fs::path folder = above.empty() ? fs::path(".") : above;
  if (!fs::is_directory(folder, code)) {
    throw Error("its folder does not exist", "make the folder or give another name with -o")
        .at_file(output.string());
  }
}

}  // namespace wquant
