#include "cli/quantize_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/sizes.h"
#include "cli/weights_file.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::string_view kEpilog =
    "Floating-point tensors of 2 or more dimensions are quantized, the rest is kept; the report\n"
    "says why. Items of --set: bits, mode, ratio, range, values, rescale, search,\n"
    "zero, balance, granularity, coding, axis, weight; the last match wins.\n"
    "Example: wquant --bits 3 model.npz --html report.html\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 a limit was not met, 130 interrupted.";

/// One option that settings.h knows by its key.
struct SettingRow {
  std::string_view key, values, help;
};

/// In the order in which they are applied: a mode may come with a number of bits.
constexpr std::array<SettingRow, 12> kSettingRows = {{
    {"mode", "", "family of the levels (default exp)"},
    {"bits", "N", "bits of a code, 1 to 8 (default 4, or what the mode takes)"},
    {"ratio", "auto|range|R", "ratio of neighbouring intervals of exp (default auto)"},
    {"range", "search|full", "outermost level of linear (default search)"},
    {"values", "centroid|midpoint", "value of an interval (default centroid)"},
    {"rescale", "variance|mse|none", "scale of the levels (default variance)"},
    {"search", "auto|exact", "exact: the proven best x0, in more time (default auto)"},
    {"zero", "auto|keep|off", "weights of exactly 0 stay 0: auto: where many are (default)"},
    {"balance", "auto|off|channel|kernel", "whose errors shall add up to zero (default auto)"},
    {"granularity", "tensor|channel|group:N", "weights that share a scale (default tensor)"},
    {"coding", "fixed|entropy|auto", "how codes are stored (default fixed), auto: for a size"},
    {"axis", "auto|N", "axis of the output channels (default auto: by the format)"},
}};

/// What was typed, before it is understood.
struct Typed {
  std::array<std::string, kSettingRows.size()> settings;
  std::array<CLI::Option*, kSettingRows.size()> options = {};
  std::vector<std::string> rules;
  std::string nonfinite = "error", include, exclude, weights, shard_size;
};

std::string mode_names() {
  std::vector<std::string_view> names;
  for (const FamilyInfo& family : families()) names.push_back(family.name);
  return fmt::format("{}", fmt::join(names, "|"));
}

void add_settings(Parser& parser, Typed& typed) {
  for (std::size_t i = 0; i < kSettingRows.size(); ++i) {
    const SettingRow& row = kSettingRows[i];
    typed.options[i] =
        parser.add_option(fmt::format("--{}", row.key), typed.settings[i], std::string(row.help));
    typed.options[i]->type_name(row.values.empty() ? mode_names() : std::string(row.values));
  }
}

void add_selection(Parser& parser, Typed& typed, Settings& settings) {
  parser.add_option("--include", typed.include, "quantize only tensors whose name matches")
      ->type_name("REGEX");
  parser.add_option("--exclude", typed.exclude, "keep tensors whose name matches")
      ->type_name("REGEX");
  parser
      .add_option("--set", typed.rules,
                  "other settings for tensors whose name matches: 'REGEX:bits=5,mode=linear'")
      ->type_name("RULE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  parser.add_flag("--all", settings.all, "tensors of less than 2 dimensions too");
  parser.add_flag("--strict", settings.strict,
                  "a kept float tensor of 2 or more dimensions is an error");
  parser
      .add_option("--weights", typed.weights,
                  "JSON object: name of a tensor -> factor of its error in a size's sum")
      ->type_name("FILE");
  parser.add_option("--nonfinite", typed.nonfinite, "what a NaN or infinity does (default error)")
      ->type_name("error|keep");
}

void add_run(Parser& parser, Typed& typed, QuantizeOptions& options) {
  parser.add_option("--threads", options.threads, "0: all of the machine (default)")
      ->option_text("N")
      ->check(CLI::Range(0, 4096));
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
      .add_option("--shard-size", typed.shard_size,
                  "write a folder of files of at most this size (default: as INPUT)")
      ->type_name("SIZE");
  parser.add_flag("--force", options.force, "replace existing output");
  parser.add_flag("--dry-run", options.dry_run, "show the plan and the exact size, write nothing");
  parser.add_flag("--json", options.json, "print the report as JSON");
  parser
      .add_option("--html", options.html,
                  "write the report as a page too, with pictures of every tensor")
      ->type_name("FILE");
  parser.add_talk(options.talk);
}

/// Whose values may be a list where there is a choice.
bool may_be_list(std::string_view key) {
  return key == "mode" || key == "granularity" || key == "coding";
}

[[noreturn]] void fail_list(std::string_view key, const std::string& value) {
  throw Error(
      fmt::format("--{} {} is more than one value", key, printable(value)),
      may_be_list(key) ? "give one value, or a --target-size to choose for" : "give one value",
      ErrorKind::kUsage);
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> values(1);
  for (const char c : list) {
    if (c == ',') {
      values.emplace_back();
    } else {
      values.back() += c;
    }
  }
  return values;
}

/// The settings of all combinations of what was typed.
std::vector<TensorSettings> combinations(const Typed& typed) {
  std::vector<TensorSettings> all(1);
  for (std::size_t i = 0; i < kSettingRows.size(); ++i) {
    if (typed.options[i]->count() == 0) continue;
    std::vector<TensorSettings> more;
    for (const TensorSettings& before : all) {
      for (const std::string& value : split(typed.settings[i])) {
        more.push_back(before);
        wquant::apply(more.back(), fmt::format("{}={}", kSettingRows[i].key, value));
      }
    }
    all = std::move(more);
  }
  // Modes are for fixed widths only, so that some are alike.
  std::vector<TensorSettings> different;
  for (const TensorSettings& one : all) {
    if (std::ranges::find(different, one) == different.end()) different.push_back(one);
  }
  return different;
}

void refuse_lists(const Typed& typed, bool has_budget) {
  for (std::size_t i = 0; i < kSettingRows.size(); ++i) {
    const std::string_view key = kSettingRows[i].key;
    if (typed.settings[i].find(',') == std::string::npos || (has_budget && may_be_list(key))) {
      continue;
    }
    fail_list(key, typed.settings[i]);
  }
}

/// "RE:items" at the last colon that a key follows: values may hold colons too.
SettingsRule rule_of(const std::string& text) {
  std::size_t colon = std::string::npos;
  for (std::size_t at = text.find(':'); at != std::string::npos; at = text.find(':', at + 1)) {
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at + 1);
    if (end != std::string::npos && text[end] == '=') colon = at;
  }
  if (colon == std::string::npos) {
    throw Error(fmt::format("--set {} has no settings", printable(text)),
                "write for example --set 'head:bits=5,mode=linear'", ErrorKind::kUsage);
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

NonFinite nonfinite_of(const std::string& word) {
  static constexpr std::array<std::string_view, 2> kWords = {"error", "keep"};
  if (word == kWords[0]) return NonFinite::kError;
  if (word == kWords[1]) return NonFinite::kKeep;
  throw Error(fmt::format("unknown --nonfinite {}", printable(word)), suggest(word, kWords),
              ErrorKind::kUsage);
}

const std::string& typed_value(const Typed& typed, std::string_view key) {
  const auto row = std::ranges::find(kSettingRows, key, &SettingRow::key);
  return typed.settings[static_cast<std::size_t>(row - kSettingRows.begin())];
}

/// A mode that no tensor would have.
void refuse_unused_mode(const Typed& typed) {
  const std::string& mode = typed_value(typed, "mode");
  if (typed_value(typed, "coding") != name_of(Coding::kEntropy) || mode.empty()) return;
  if (mode == kEntropyMode) return;
  throw Error(fmt::format("--mode {} is not for --coding entropy", printable(mode)),
              "leave --mode out or give --coding auto", ErrorKind::kUsage);
}

/// Automatic coding is the choice of all that there is.
void expand_coding(Typed& typed) {
  for (std::size_t i = 0; i < kSettingRows.size(); ++i) {
    if (kSettingRows[i].key != "coding" || typed.settings[i] != "auto") continue;
    typed.settings[i] = fmt::format("{},{}", name_of(Coding::kFixed), name_of(Coding::kEntropy));
  }
}

void understand(Typed& typed, const Parser& parser, QuantizeOptions& options) {
  refuse_unused_mode(typed);
  expand_coding(typed);
  refuse_lists(typed, options.has_budget());
  Settings& settings = options.settings;
  for (const std::string& rule : typed.rules) settings.rules.push_back(rule_of(rule));
  if (parser.count("--include") > 0) settings.include = typed.include;
  if (parser.count("--exclude") > 0) settings.exclude = typed.exclude;
  settings.nonfinite = nonfinite_of(typed.nonfinite);
  if (!typed.weights.empty()) settings.weights = read_weights(typed.weights);
  for (const TensorSettings& tensor : combinations(typed)) {
    check(tensor);
    options.variants.push_back(settings);
    options.variants.back().tensor = tensor;
  }
  settings.tensor = options.variants.front().tensor;
}

}  // namespace

bool parse_quantize_options(const Arguments& arguments, QuantizeOptions& options) {
  Typed typed;
  Parser parser("quantize", "Quantize a model's weights into a packed file and a report.",
                std::string(kEpilog));
  parser
      .add_option("INPUT", options.input,
                  "a model's file or folder, see wquant formats; - is standard input")
      ->required()
      ->option_text(" ");
  parser
      .add_option("-o,--output", options.output,
                  "default: INPUT's name with .exp3.safetensors for its extension")
      ->type_name("OUT");
  add_settings(parser, typed);
  add_selection(parser, typed, options.settings);
  add_run(parser, typed, options);
  if (!parser.parse_arguments(arguments)) return false;
  options.bits_given = parser.count("--bits") > 0;
  understand(typed, parser, options);
  if (parser.count("--shard-size") > 0) options.shard_size = parse_shard_size(typed.shard_size);
  if (options.min_correlation) check_correlation_limit(*options.min_correlation);
  const bool for_size = !options.target_size.empty() || options.avg_bits;
  if (for_size && options.bits_given) {
    throw Error("--bits contradicts --target-size and --avg-bits", "leave one of them out",
                ErrorKind::kUsage);
  }
  if (!options.target_size.empty() && options.avg_bits) {
    throw Error("--target-size and --avg-bits contradict each other", "leave one of them out",
                ErrorKind::kUsage);
  }
  if (options.dry_run && parser.count("--html") > 0) {
    throw Error("--dry-run writes nothing", "leave --html out", ErrorKind::kUsage);
  }
  if (parser.count("--html") > 0 && options.html.empty()) {
    throw Error("--html has no name of a file", "write for example --html report.html",
                ErrorKind::kUsage);
  }
  if (options.min_correlation && options.dry_run && !options.has_budget()) {
    throw Error("--dry-run reads no weight, so that there is no correlation",
                "leave --min-correlation out", ErrorKind::kUsage);
  }
  return true;
}

}  // namespace wquant
