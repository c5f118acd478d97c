#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/number.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/correlation.h"
#include "cli/paths.h"
#include "cli/terminal.h"
#include "formats/quantized_file.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

constexpr std::string_view kSharded = "safetensors-shards";
constexpr auto kMaxSize = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

void check_format(std::string_view name) {
  std::vector<std::string_view> names;
  for (const FormatInfo& format : formats()) {
    if (format.writes && format.name == name) return;
    if (format.writes) names.push_back(format.name);
  }
  throw Error(fmt::format("cannot write format {}", printable(name)), suggest(name, names),
              ErrorKind::kUsage);
}

/// "500000", "500kB", "2 GB": decimal units, as the program prints them.
std::uint64_t parse_size(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::uint64_t bytes;
  };
  constexpr std::array<Unit, 5> kUnits = {
      {{"kB", 1'000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}, {"B", 1}, {"", 1}}};
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.name)) continue;
    std::string_view digits = text.substr(0, text.size() - unit.name.size());
    if (digits.ends_with(' ')) digits.remove_suffix(1);
    const std::optional<std::uint64_t> number = parse_number<std::uint64_t>(digits);
    if (number && *number > 0 && *number <= kMaxSize / unit.bytes) return *number * unit.bytes;
    break;
  }
  throw Error(fmt::format("--shard-size \"{}\" is no size", printable(text)),
              "give a whole number with B, kB, MB or GB, such as 2GB", ErrorKind::kUsage);
}

/// The format that an option for several files asks for.
void check_sharded(std::string& format) {
  if (format.empty()) format = kSharded;
  if (format == kSharded) return;
  throw Error(fmt::format("--shard-size is not for format {}", format),
              fmt::format("leave out --format or give {}", kSharded), ErrorKind::kUsage);
}

}  // namespace

void run_dequantize(const Arguments& arguments) {
  std::string file, output, format, shard_size;
  bool force = false;
  Talk talk;
  Parser parser("dequantize", "Turn a quantized file back into a float model.");
  parser.add_option("FILE", file, "quantized file")->required()->option_text(" ");
  parser.add_option("-o,--output", output, "default: FILE with .npz in place of .safetensors")
      ->type_name("OUT");
  parser.add_option("--format", format, "default: by the extension of OUT; see wquant formats")
      ->type_name("F");
  parser
      .add_option("--shard-size", shard_size,
                  "write safetensors files of at most this size and an index")
      ->type_name("SIZE");
  parser.add_flag("--force", force, "replace an existing output");
  parser.add_talk(talk);
  if (!parser.parse_arguments(arguments)) return;
  if (!format.empty()) check_format(format);
  if (!shard_size.empty()) check_sharded(format);
  const std::uint64_t shard_bytes = shard_size.empty() ? 0 : parse_size(shard_size);

  require_quantized(file);
  const std::filesystem::path path =
      output.empty() ? float_path(file, format) : std::filesystem::path(output);
  check_output(path, file, force);
  const QuantizedModel model(file);
  {
    ProgressLine line(talk);
    model.verify(run_options(line));
  }
  {
    ProgressLine line(talk);
    RunOptions options = run_options(line);
    if (shard_bytes > 0) options.shard_size = shard_bytes;
    write_model(model, path, format, force ? Overwrite::kReplace : Overwrite::kRefuse, options);
  }
  spdlog::info("wrote {}", printable(path.string(), 1000));
}

}  // namespace wquant
