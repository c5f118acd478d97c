#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wquant/model.h"
#include "wquant/quantize.h"

namespace wquant {

/// One row of the table of formats.
struct FormatInfo {
  std::string_view name;  ///< "npz"
  std::string_view help;  ///< One line.
  bool reads = false, writes = false;
  bool writes_like = false;  ///< By write_model_like().
};

std::vector<FormatInfo> formats();  ///< The table. Throws nothing.

/// Opens a model of any known format, told by its content first and its name second. A quantized
/// file opens as the float model it stands for. Throws Error that names the file, the tensor, what
/// is wrong and what to do.
std::unique_ptr<ModelReader> open_model(const std::filesystem::path& path);

/// True when the file is one that quantize wrote. Throws nothing: it is false where reading fails.
bool is_quantized_file(const std::filesystem::path& path);

/// What an existing output file means.
enum class Overwrite { kRefuse, kReplace };

/// Writes a model to `path`, whole or not at all, as `format` (a name of the table; empty: by its
/// extension). Throws Error: (usage) for no such format; naming file or tensor where I/O fails.
void write_model(const ModelReader& model, const std::filesystem::path& path,
                 std::string_view format, Overwrite overwrite, const RunOptions& options = {});

/// Writes `like`, a file that holds more than weights (an ONNX model, say), to `path` with those of
/// `model` in place of its own. Throws Error like write_model(), and where the two hold different
/// tensors or `path` has no extension of the format of `like`.
void write_model_like(const ModelReader& model, const std::filesystem::path& path,
                      const std::filesystem::path& like, Overwrite overwrite,
                      const RunOptions& options = {});

}  // namespace wquant
