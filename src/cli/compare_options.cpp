#include "cli/compare_options.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/usage.h"
#include "cli/arguments.h"
#include "cli/setting_options.h"
#include "cli/shell_command.h"
#include "cli/standard_input.h"

namespace wquant {
namespace {

constexpr const char* kAllBits = "2-8";

constexpr std::string_view kEpilog =
    "--bits, --mode, --granularity, --coding and --target-size take lists: --bits 2,4-6. Every\n"
    "combination is a row; a mode that has one width gets one. All come from one pass over the\n"
    "weights, and one more where bits are chosen for a size.\n"
    "--eval: for every row the model is quantized, dequantized to a temporary file (in TMPDIR) of\n"
    "INPUT's format, and CMD is run by /bin/sh with the file's path, quoted where it must be, for\n"
    "every {}. The last number that CMD prints is the score. A CMD that fails or prints no number\n"
    "ends the comparison.\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 a limit was not met, 130 interrupted.";

struct Typed {
  SettingOptions settings;
  std::string sizes;
};

void add_evaluation(Parser& parser, CompareOptions& options) {
  parser
      .add_option("--eval", options.eval,
                  "score every row, and INPUT, by a command: 'python3 accuracy.py {}'")
      ->type_name("CMD");
  parser.add_option("--eval-jobs", options.eval_jobs, "commands that run at once (default 1)")
      ->option_text("N")
      ->check(CLI::Range(1, 1024));
  parser
      .add_option("--at-least", options.at_least,
                  "name the smallest file whose score is at least this")
      ->type_name("SCORE");
  parser
      .add_option("--max-drop", options.max_drop,
                  "the same for at most so much below the score of INPUT")
      ->type_name("D");
  parser.add_option("--write-best", options.write_best, "write the file that is named")
      ->type_name("OUT");
  parser.add_flag("--force", options.force, "replace existing output");
}

void add_run(Parser& parser, Typed& typed, CompareOptions& options) {
  parser
      .add_option("--target-size", typed.sizes,
                  "rows whose bits are chosen tensor by tensor for a size: 4x,6x,35%,4.2MB")
      ->type_name("S,...");
  add_evaluation(parser, options);
  parser.add_threads(options.threads);
  parser.add_flag("--csv", options.csv, "print comma-separated values");
  parser.add_flag("--json", options.json, "print JSON, with the figures of every tensor");
  parser.add_html(options.html, "write the comparison as a page too");
  parser.add_talk(options.talk);
}

void check_evaluation(const Parser& parser, const CompareOptions& options) {
  const bool has_limit = options.at_least || options.max_drop;
  if (parser.count("--eval") > 0) {
    check_place("--eval", options.eval, "{}");
    if (options.input == kStandardInput) {
      fail_usage("--eval needs a file and not standard input", "name the model's file");
    }
  } else if (has_limit || parser.count("--eval-jobs") > 0) {
    fail_usage("--at-least, --max-drop and --eval-jobs are about scores",
               "give the command that finds them with --eval");
  }
  if (options.at_least && options.max_drop) {
    fail_usage("--at-least and --max-drop contradict each other", "leave one of them out");
  }
  if (options.max_drop && !(*options.max_drop >= 0)) {
    fail_usage("--max-drop is less than 0", "write for example 1");
  }
  if (parser.count("--write-best") > 0 && !has_limit) {
    fail_usage("--write-best does not know what is best", "give --at-least or --max-drop");
  }
}

/// What quantize chooses among for a size.
std::vector<Settings> variants_of(const Settings& settings, bool coding_given) {
  std::vector<Settings> variants = {settings};
  if (coding_given) return variants;
  variants.push_back(settings);
  variants.back().tensor = {};
  wquant::apply(variants.back().tensor, "coding=f16");
  return variants;
}

std::vector<ComparedRow> rows_of(const Typed& typed) {
  const SettingOptions& typed_settings = typed.settings;
  std::vector<ComparedRow> rows;
  if (typed_settings.bits() || typed.sizes.empty()) {
    const std::string bits = typed_settings.bits().value_or(kAllBits);
    for (const Settings& settings : typed_settings.read(Lists::kCompared, bits)) {
      rows.push_back({settings, {}, {settings}});
    }
    std::ranges::stable_sort(rows, {},
                             [](const ComparedRow& row) { return width_of(row.settings.tensor); });
  }
  if (typed.sizes.empty()) return rows;
  const bool coding_given = typed_settings.coding().has_value();
  for (const std::string& size : split(typed.sizes)) {
    for (const Settings& settings : typed_settings.read(Lists::kCompared, {})) {
      rows.push_back({settings, size, variants_of(settings, coding_given)});
    }
  }
  return rows;
}

}  // namespace

QuantizeOptions CompareOptions::quantize(const ComparedRow& row, const std::string& output) const {
  QuantizeOptions options;
  options.input = input;
  options.output = output;
  options.settings = row.settings;
  options.variants = row.variants;
  options.target_size = row.size;
  options.threads = threads;
  options.force = force;
  options.talk = talk;
  return options;
}

bool parse_compare_options(const Arguments& arguments, CompareOptions& options) {
  Typed typed;
  Parser parser("compare", "Compare settings: how good and how small each would be.",
                std::string(kEpilog));
  parser.add_input(options.input);
  typed.settings.add_to(parser, std::string(kAllBits) + ", or none with --target-size");
  add_run(parser, typed, options);
  if (!parser.parse_arguments(arguments)) return false;
  check_evaluation(parser, options);
  if (options.csv && options.json) {
    fail_usage("--csv and --json contradict each other", "leave one of them out");
  }
  options.rows = rows_of(typed);
  return true;
}

}  // namespace wquant
