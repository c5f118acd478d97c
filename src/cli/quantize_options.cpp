#include "cli/quantize_options.h"

#include <fmt/format.h>

#include <string_view>

#include "base/usage.h"
#include "cli/arguments.h"
#include "cli/setting_options.h"
#include "cli/sizes.h"

namespace wquant {
namespace {

constexpr std::string_view kEpilog =
    "Floating-point tensors of 2 or more dimensions are quantized, the rest is kept; the report\n"
    "says why. Items of --set: bits, mode, ratio, range, values, rescale, search,\n"
    "zero, balance, granularity, coding, axis, weight; the last match wins.\n"
    "Example: wquant --bits 3 model.npz --html report.html\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 a limit was not met, 130 interrupted.";

void add_run(Parser& parser, QuantizeOptions& options, std::string& shard_size) {
  parser.add_threads(options.threads);
  parser
      .add_option("--min-correlation", options.min_correlation,
                  "least correlation of every tensor: chooses bits, or with --bits writes nothing")
      ->type_name("R");
  parser
      .add_option("--target-size", options.target_size,
                  "choose the bits of each tensor for this size: 6x, 35%, 4.2MB; of --mode and\n"
                  "--granularity too where these are lists")
      ->type_name("S");
  parser.add_option("--avg-bits", options.avg_bits, "the same for bits a weight, all counted")
      ->type_name("B");
  parser
      .add_option("--shard-size", shard_size,
                  "write a folder of files of at most this size (default: as INPUT)")
      ->type_name("SIZE");
  parser.add_flag("--force", options.force, "replace existing output");
  parser.add_flag("--dry-run", options.dry_run, "show the plan and the exact size, write nothing");
  parser.add_flag("--json", options.json, "print the report as JSON");
  parser.add_html(options.html, "write the report as a page too, with pictures of every tensor");
  parser.add_talk(options.talk);
}

}  // namespace

bool parse_quantize_options(const Arguments& arguments, QuantizeOptions& options) {
  SettingOptions settings;
  std::string shard_size;
  Parser parser("quantize", "Quantize a model's weights into a packed file and a report.",
                std::string(kEpilog));
  parser.add_input(options.input);
  parser
      .add_option("-o,--output", options.output,
                  "default: INPUT's name with .exp3.safetensors for its extension")
      ->type_name("OUT");
  settings.add_to(parser, "4, or what the mode takes");
  add_run(parser, options, shard_size);
  if (!parser.parse_arguments(arguments)) return false;
  options.bits_given = settings.bits().has_value();
  options.variants =
      settings.read(options.has_budget() ? Lists::kForSize : Lists::kNone, settings.bits());
  options.settings = options.variants.front();
  if (parser.count("--shard-size") > 0) options.shard_size = parse_shard_size(shard_size);
  if (options.min_correlation) check_correlation_limit(*options.min_correlation);
  const bool for_size = !options.target_size.empty() || options.avg_bits;
  if (for_size && options.bits_given) {
    fail_usage("--bits contradicts --target-size and --avg-bits", "leave one of them out");
  }
  if (!options.target_size.empty() && options.avg_bits) {
    fail_usage("--target-size and --avg-bits contradict each other", "leave one of them out");
  }
  if (options.dry_run && parser.count("--html") > 0) {
    fail_usage("--dry-run writes nothing", "leave --html out");
  }
  if (options.min_correlation && options.dry_run && !options.has_budget()) {
    fail_usage("--dry-run reads no weight, so that there is no correlation",
               "leave --min-correlation out");
  }
  return true;
}

}  // namespace wquant
