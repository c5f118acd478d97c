#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>

#include "base/float_environment.h"
#include "base/text.h"
#include "formats/format.h"
#include "formats/gguf.h"
#include "formats/hdf5.h"
#include "formats/json.h"
#include "formats/npy.h"
#include "formats/npy_folder.h"
#include "formats/npz.h"
#include "formats/onnx.h"
#include "formats/pytorch.h"
#include "formats/quantized_file.h"
#include "formats/safetensors.h"
#include "formats/safetensors_shards.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

using Extensions = std::array<std::string_view, 1>;
constexpr std::array<std::string_view, 0> kNoExtension = {};
constexpr Extensions kKeras = {".keras"};
constexpr Extensions kNpz = {".npz"};
constexpr Extensions kNpy = {".npy"};
constexpr Extensions kGguf = {".gguf"};
constexpr std::array<std::string_view, 2> kHdf5 = {".h5", ".hdf5"};
constexpr Extensions kJson = {".json"};
constexpr Extensions kOnnx = {".onnx"};
constexpr std::array<std::string_view, 4> kPytorch = {".pt", ".pth", ".bin", ".th"};
constexpr Extensions kSafetensors = {".safetensors"};

bool quantized_claims(const Probe& probe) {
  return safetensors_claims(probe) && is_quantized_safetensors(probe.path);
}

bool quantized_shards_claims(const Probe& probe) { return is_quantized_shards(probe.path); }

std::unique_ptr<ModelReader> open_quantized(const fs::path& path) {
  return std::make_unique<QuantizedModel>(path);
}

/// In the order in which content is tried.
constexpr std::array<Format, 14> kFormats = {{
    {"wquant", "quantized safetensors file, as the float model it stands for", kNoExtension,
     quantized_claims, open_quantized, nullptr},
    {"wquant-shards", "folder of several such files with an index, or the index", kNoExtension,
     quantized_shards_claims, open_quantized, nullptr, nullptr, nullptr, true},
    {"safetensors", "safetensors file", kSafetensors, safetensors_claims, open_safetensors,
     write_safetensors},
    {"safetensors-shards", "folder of several safetensors files with an index, or the index",
     kNoExtension, safetensors_shards_claims, open_safetensors_shards, write_safetensors_shards,
     nullptr, nullptr, true},
    {"pytorch", "PyTorch file of tensors, such as a state_dict", kPytorch, pytorch_claims,
     open_pytorch, write_pytorch},
    {"pytorch-shards", "folder of several PyTorch files with an index, or the index", kNoExtension,
     pytorch_shards_claims, open_pytorch_shards, nullptr, nullptr, nullptr, true},
    {"keras", "archive of a Keras model: its weights", kKeras, keras_claims, open_keras, nullptr,
     write_keras_like, has_hdf5},
    {"npz", "NumPy archive of arrays", kNpz, npz_claims, open_npz, write_npz},
    {"gguf", "GGUF file of a language model", kGguf, gguf_claims, open_gguf, nullptr},
    {"npy", "NumPy file of one array", kNpy, npy_claims, open_npy, write_npy},
    {"npy-folder", "folder of .npy files, one for each tensor", kNoExtension, npy_folder_claims,
     open_npy_folder, write_npy_folder},
    {"onnx", "ONNX model: the weights of its graph", kOnnx, onnx_claims, open_onnx, nullptr,
     write_onnx_like},
    {"hdf5", "HDF5 file, such as Keras writes", kHdf5, hdf5_claims, open_hdf5, nullptr,
     write_hdf5_like, has_hdf5},
    {"json", "JSON text: names and lists of numbers", kJson, json_claims, open_json, write_json},
}};

std::vector<std::string_view> format_names(bool to_write) {
  std::vector<std::string_view> names;
  for (const Format& format : format_table()) {
    if (!to_write || format.write != nullptr) names.push_back(format.name);
  }
  return names;
}

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

const Format* find_by_name(std::string_view name) {
  const auto table = format_table();
  const auto row = std::find_if(table.begin(), table.end(),
                                [&](const Format& format) { return format.name == name; });
  return row == table.end() ? nullptr : &*row;
}

/// The first bytes of a file.
std::string read_head(const fs::path& path) {
  std::string head(4096, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("cannot open it", "check its permissions");
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return head;
}

const Format& find_by_content(const fs::path& path, bool is_folder) {
  const std::string head = is_folder ? std::string() : read_head(path);
  const Probe probe{path, is_folder, head};
  for (const Format& format : format_table()) {
    if (format.claims != nullptr && format.claims(probe)) return format;
  }
  // A damaged file of a known extension gets that format's message.
  const Format* format = is_folder ? nullptr : format_of_extension(path);
  if (format != nullptr) return *format;
  throw Error("its format is unknown",
              fmt::format("formats that can be read: {}", fmt::join(format_names(false), ", ")));
}

const Format& find_for_reading(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found) throw Error("no such file");
  if (status.type() == fs::file_type::none) throw Error("cannot open it: " + code.message());
  const bool is_folder = status.type() == fs::file_type::directory;
  if (!is_folder && status.type() != fs::file_type::regular) throw Error("not a regular file");
  return find_by_content(path, is_folder);
}

/// The format of `like`, which `path` must have the extension of.
const Format& find_like(const fs::path& path, const fs::path& like) {
  try {
    const Format& format = find_for_reading(like);
    if (format.write_like == nullptr) {
      throw Error(fmt::format("format {} is not written like another file", format.name),
                  "leave out --like", ErrorKind::kUsage);
    }
    if (format_of_extension(path) == &format) return format;
    throw Error(fmt::format("is of format {} and the output is not", format.name),
                fmt::format("end its name in {}", fmt::join(format.extensions, " or ")),
                ErrorKind::kUsage);
  } catch (Error& error) {
    error.at_file(like.string());
    throw;
  }
}

}  // namespace

std::span<const Format> format_table() { return kFormats; }

const Format* format_of_extension(const fs::path& path) {
  const std::string extension = lower_extension(path);
  for (const Format& format : format_table()) {
    if (std::find(format.extensions.begin(), format.extensions.end(), extension) !=
        format.extensions.end()) {
      return &format;
    }
  }
  return nullptr;
}

const Format& format_for_writing(const fs::path& path, std::string_view name) {
  const auto fail = [](std::string problem, std::string_view word) -> Error {
    return Error(std::move(problem), suggest(word, format_names(true)), ErrorKind::kUsage);
  };
  if (!name.empty()) {
    const Format* format = find_by_name(name);
    if (format == nullptr) throw fail(fmt::format("unknown format {}", printable(name)), name);
    if (format->write != nullptr) return *format;
    throw fail(fmt::format("format {} can only be read", name), "");
  }
  std::error_code code;
  if (!path.has_filename() || fs::is_directory(path, code)) return *find_by_name("npy-folder");
  const Format* format = format_of_extension(path);
  if (format != nullptr && format->write != nullptr) return *format;
  if (format != nullptr && format->write_like != nullptr) {
    throw Error(fmt::format("format {} can only be written with --like", format->name),
                "give the model to write again", ErrorKind::kUsage);
  }
  const std::string extension = lower_extension(path);
  throw fail(extension.empty() ? "a name without extension does not tell the format"
                               : fmt::format("extension {} is of no format that can be written",
                                             printable(extension)),
             extension.empty() ? "" : extension.substr(1));
}

std::vector<FormatInfo> formats() {
  std::vector<FormatInfo> list;
  for (const Format& format : format_table()) {
    const bool is_built = format.is_built == nullptr || format.is_built();
    list.push_back({format.name, format.help, is_built && format.open != nullptr,
                    is_built && format.write != nullptr, is_built && format.write_like != nullptr});
  }
  return list;
}

std::unique_ptr<ModelReader> open_model(const fs::path& path) {
  const FloatEnvironment environment;
  try {
    return find_for_reading(path).open(path);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

bool is_sharded_model(const fs::path& path) {
  try {
    return find_for_reading(path).is_sharded;
  } catch (const Error&) {
    return false;  // Opening it tells what is wrong.
  }
}

bool is_quantized_file(const fs::path& path) {
  return is_quantized_safetensors(path) || is_quantized_shards(path) || is_quantized_onnx(path);
}

void write_model(const ModelReader& model, const fs::path& path, std::string_view format,
                 Overwrite overwrite, const RunOptions& options) {
  const FloatEnvironment environment;
  try {
    format_for_writing(path, format).write(model, path, overwrite, options);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

void write_model_like(const ModelReader& model, const fs::path& path, const fs::path& like,
                      Overwrite overwrite, const RunOptions& options) {
  const Format& format = find_like(path, like);
  try {
    format.write_like(model, path, like, overwrite, options);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

}  // namespace wquant
