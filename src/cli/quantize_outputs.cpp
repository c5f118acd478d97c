#include "cli/quantize_outputs.h"

#include <fmt/format.h>

#include <system_error>

#include "cli/paths.h"
#include "cli/standard_input.h"
#include "formats/format.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

/// A sharded model stays one unless the name asks for a file.
bool writes_folder(const QuantizeOptions& options) {
  const bool is_file = find_quantized_format(options.output) != nullptr;
  if (is_file && options.shard_size > 0) {
    throw Error("--shard-size writes a folder and this is the name of a file",
                "leave out the option or the extension", ErrorKind::kUsage)
        .at_file(options.output);
  }
  if (is_file) return false;
  return options.shard_size > 0 ||
         (options.input != kStandardInput && is_sharded_model(options.input));
}

/// The page is a file of its own.
void check_page(const Outputs& outputs, const QuantizeOptions& options) {
  if (outputs.page.empty()) return;
  for (const fs::path& path : {outputs.model, outputs.report}) {
    if (fs::weakly_canonical(path) != fs::weakly_canonical(outputs.page)) continue;
    throw Error("is an output already", "give another name with --html", ErrorKind::kUsage)
        .at_file(outputs.page.string());
  }
  check_output(outputs.page, options.input, options.force);
}

}  // namespace

Outputs outputs_of(const QuantizeOptions& options) {
  Outputs outputs;
  outputs.model = options.output;
  outputs.is_folder = writes_folder(options);
  if (options.output.empty() && options.input == kStandardInput) {
    throw Error("standard input gives the output no name", "name it with -o", ErrorKind::kUsage);
  }
  if (options.output.empty()) {
    const TensorSettings& settings = options.settings.tensor;
    const bool has_mode = settings.coding != Coding::kF16;
    outputs.model =
        quantized_path(options.input, has_mode ? settings.mode : "f16",
                       options.has_budget() || !has_mode ? 0 : settings.bits, outputs.is_folder);
  }
  outputs.report = report_path(outputs.model);
  outputs.page = options.html;
  return outputs;
}

void check_outputs(const Outputs& outputs, const QuantizeOptions& options) {
  if (options.dry_run) return;
  std::error_code code;
  if (!outputs.is_folder && fs::is_directory(outputs.model, code)) {
    throw Error("is a folder", "give a file name with -o, or --shard-size for several files")
        .at_file(outputs.model.string());
  }
  if (fs::equivalent(outputs.model, outputs.report, code) && !code) {
    throw Error("is the same file as its report", "give another name with -o", ErrorKind::kUsage)
        .at_file(outputs.model.string());
  }
  for (const fs::path& path : {outputs.model, outputs.report}) {
    check_output(path, options.input, options.force);
  }
  check_page(outputs, options);
  const bool has_format = outputs.is_folder || find_quantized_format(outputs.model) != nullptr;
  if (!has_format && !fs::is_other(outputs.model, code)) {
    throw Error(
        "a quantized file is a .safetensors file, or .onnx where the input is",
        "end the name given with -o in .safetensors; wquant dequantize writes other formats",
        ErrorKind::kUsage)
        .at_file(outputs.model.string());
  }
}

const QuantizedFormat& format_of(const Outputs& outputs, const ModelReader& model) {
  if (outputs.is_folder) return quantized_folder_format();
  const QuantizedFormat* format = find_quantized_format(outputs.model);
  if (format == nullptr) format = find_quantized_format("default.safetensors");
  if (format->input.empty() || format->input == model.format()) return *format;
  throw Error(fmt::format("a quantized {} file is made from a file of format {} only",
                          format->extension, format->input),
              "end the name given with -o in .safetensors", ErrorKind::kUsage)
      .at_file(outputs.model.string());
}

}  // namespace wquant
