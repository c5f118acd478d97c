#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/correlation.h"
#include "cli/paths.h"
#include "cli/terminal.h"
#include "formats/onnx.h"
#include "formats/quantized_file.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

void check_format(std::string_view name) {
  std::vector<std::string_view> names;
  for (const FormatInfo& format : formats()) {
    if (format.writes && format.name == name) return;
    if (format.writes) names.push_back(format.name);
  }
  throw Error(fmt::format("cannot write format {}", printable(name)), suggest(name, names),
              ErrorKind::kUsage);
}

/// The file to write like tells the format and must not be replaced.
void check_like(const std::string& like, const std::string& output, const std::string& format,
                bool force) {
  if (!format.empty()) {
    throw Error("--format and --like contradict each other", "leave out one of them",
                ErrorKind::kUsage);
  }
  if (output.empty()) {
    throw Error("--like needs the name of the output", "give it with -o", ErrorKind::kUsage);
  }
  require_exists(like);
  check_output(output, like, force);
}

/// The quantized file, after its checksums where it has them.
std::unique_ptr<ModelReader> open_checked(const std::string& file, const Talk& talk) {
  if (!is_quantized_file(file)) {
    auto model = open_model(file);
    if (model->format() == kQuantizedOnnx) return model;
  }
  require_quantized(file);
  auto model = std::make_unique<QuantizedModel>(file);
  ProgressLine line(talk);
  model->verify(run_options(line));
  return model;
}

}  // namespace

void run_dequantize(const Arguments& arguments) {
  std::string file, output, format, like;
  bool force = false;
  Talk talk;
  Parser parser("dequantize", "Turn a quantized file back into a float model.");
  parser.add_option("FILE", file, "quantized file")->required()->option_text(" ");
  parser.add_option("-o,--output", output, "default: FILE with .npz in place of .safetensors")
      ->type_name("OUT");
  parser.add_option("--format", format, "default: by the extension of OUT; see wquant formats")
      ->type_name("F");
  parser
      .add_option("--like", like,
                  "write this file again with the weights of FILE in place of its own")
      ->type_name("ORIGINAL");
  parser.add_flag("--force", force, "replace an existing output");
  parser.add_talk(talk);
  if (!parser.parse_arguments(arguments)) return;
  if (!format.empty()) check_format(format);
  if (!like.empty()) check_like(like, output, format, force);

  require_exists(file);
  const std::filesystem::path path =
      output.empty() ? float_path(file, format) : std::filesystem::path(output);
  check_output(path, file, force);
  const auto model = open_checked(file, talk);
  {
    ProgressLine line(talk);
    const Overwrite overwrite = force ? Overwrite::kReplace : Overwrite::kRefuse;
    const RunOptions run = run_options(line);
    if (like.empty()) {
      write_model(*model, path, format, overwrite, run);
    } else {
      write_model_like(*model, path, like, overwrite, run);
    }
  }
  spdlog::info("wrote {}", printable(path.string(), 1000));
}

}  // namespace wquant
