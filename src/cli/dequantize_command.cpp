#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/usage.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/correlation.h"
#include "cli/paths.h"
#include "cli/sizes.h"
#include "cli/terminal.h"
#include "formats/quantized_reader.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

constexpr std::string_view kSharded = "safetensors-shards";

void check_format(std::string_view name) {
  std::vector<std::string_view> names;
  for (const FormatInfo& format : formats()) {
    if (format.writes && format.name == name) return;
    if (format.writes) names.push_back(format.name);
  }
  fail_usage(fmt::format("cannot write format {}", printable(name)), suggest(name, names));
}

/// The format that an option for several files asks for.
void check_sharded(std::string& format) {
  if (format.empty()) format = kSharded;
  if (format == kSharded) return;
  fail_usage(fmt::format("--shard-size is not for format {}", format),
             fmt::format("leave out --format or give {}", kSharded));
}

/// The quantized file, after its checksums.
std::unique_ptr<ModelReader> open_checked(const std::string& file, const Talk& talk) {
  require_quantized(file);
  auto model = open_quantized_file(file);
  if (!model->shard().empty()) {
    spdlog::warn("{}: is file {} of a model: the tensors of the others are missing",
                 printable(file, 1000), model->shard());
  }
  ProgressLine line(talk);
  model->verify(run_options(line));
  return model;
}

struct DequantizeOptions {
  std::string file, output, format, shard_size, like;
  std::uint64_t shard_bytes = 0;  ///< 0: not asked for.
  bool force = false;
  Talk talk;
};

/// The file to write like tells the format and must not be replaced.
void check_like(const DequantizeOptions& options) {
  if (!options.format.empty() || !options.shard_size.empty()) {
    fail_usage("--like contradicts --format and --shard-size", "leave them out");
  }
  if (options.output.empty()) {
    fail_usage("--like needs the name of the output", "give it with -o");
  }
  require_exists(options.like);
  check_output(options.output, options.like, options.force);
}

bool parse_dequantize_options(const Arguments& arguments, DequantizeOptions& options) {
  Parser parser("dequantize", "Turn a quantized file back into a float model.");
  parser.add_option("FILE", options.file, "quantized file")->required()->option_text(" ");
  parser
      .add_option("-o,--output", options.output, "default: FILE with .npz in place of .safetensors")
      ->type_name("OUT");
  parser
      .add_option("--format", options.format,
                  "default: by the extension of OUT; see wquant formats")
      ->type_name("F");
  parser
      .add_option("--shard-size", options.shard_size,
                  "write safetensors files of at most this size and an index")
      ->type_name("SIZE");
  parser
      .add_option("--like", options.like,
                  "write this file again with the weights of FILE in place of its own")
      ->type_name("ORIGINAL");
  parser.add_flag("--force", options.force, "replace an existing output");
  parser.add_talk(options.talk);
  if (!parser.parse_arguments(arguments)) return false;
  if (!options.format.empty()) check_format(options.format);
  if (!options.like.empty()) check_like(options);
  if (!options.shard_size.empty()) {
    check_sharded(options.format);
    options.shard_bytes = parse_shard_size(options.shard_size);
  }
  return true;
}

void write_floats(const ModelReader& model, const std::filesystem::path& path,
                  const DequantizeOptions& options) {
  const Overwrite overwrite = options.force ? Overwrite::kReplace : Overwrite::kRefuse;
  ProgressLine line(options.talk);
  RunOptions run = run_options(line);
  if (options.shard_bytes > 0) run.shard_size = options.shard_bytes;
  if (options.like.empty()) {
    write_model(model, path, options.format, overwrite, run);
  } else {
    write_model_like(model, path, options.like, overwrite, run);
  }
}

}  // namespace

void run_dequantize(const Arguments& arguments) {
  DequantizeOptions options;
  if (!parse_dequantize_options(arguments, options)) return;
  require_exists(options.file);
  const std::filesystem::path path = options.output.empty()
                                         ? float_path(options.file, options.format)
                                         : std::filesystem::path(options.output);
  check_output(path, options.file, options.force);
  const auto model = open_checked(options.file, options.talk);
  write_floats(*model, path, options);
  spdlog::info("wrote {}", printable(path.string(), 1000));
}

}  // namespace wquant
