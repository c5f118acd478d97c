#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/output_file.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/compare_options.h"
#include "cli/compared_rows.h"
#include "cli/paths.h"
#include "cli/quantize_outputs.h"
#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "report/comparison.h"
#include "report/html.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// The score that is asked for, less what it may lose in arithmetic; nothing when none is.
std::optional<double> least_score(const Comparison& comparison, const CompareOptions& options) {
  constexpr double kRounding = 1e-9;
  if (options.at_least) return options.at_least;
  if (!options.max_drop) return {};
  return *comparison.score - *options.max_drop - kRounding * std::abs(*comparison.score);
}

/// The row with the smallest file of those with such a score.
std::optional<std::size_t> best_row(const Comparison& comparison, double least) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < comparison.settings.size(); ++i) {
    const ComparedSetting& setting = comparison.settings[i];
    if (*setting.score < least) continue;
    if (!best || setting.file_bytes < comparison.settings[*best].file_bytes) best = i;
  }
  return best;
}

void print(const Comparison& comparison, const CompareOptions& options) {
  if (options.json) {
    print_result(comparison_json(comparison));
  } else if (options.csv) {
    print_result(comparison_csv(comparison));
  } else if (!options.talk.quiet) {
    print_result(comparison_text(comparison));
  }
}

QuantizeOptions best_options(const CompareOptions& options, std::size_t row) {
  return options.quantize(options.rows[row], options.write_best);
}

void write_best(const ModelReader& model, const CompareOptions& options, std::size_t row) {
  CompareOptions one = options;
  one.rows = {options.rows[row]};
  const Report report =
      write_row(model, best_options(options, row), std::move(surveys_of(model, one).front()));
  spdlog::info("wrote {}", printable(report.output, 1000));
}

void compare_model(const ModelReader& model, const CompareOptions& options) {
  std::optional<OutputFile> page;
  if (!options.html.empty()) {
    page.emplace(options.html, options.force ? Overwrite::kReplace : Overwrite::kRefuse);
  }
  Comparison comparison =
      options.eval.empty() ? compare_rows(model, options) : evaluate_rows(model, options);
  comparison.input = options.input;
  const std::optional<double> least = least_score(comparison, options);
  if (least) comparison.best = best_row(comparison, *least);
  if (page) {
    page->append(comparison_html(comparison));
    page->commit();
  }
  print(comparison, options);
  if (comparison.tensors.empty()) {
    spdlog::warn("{}: no tensor is quantized: wquant quantize --dry-run -v lists the reasons",
                 printable(options.input, 1000));
  }
  if (!least) return;
  if (!comparison.best) {
    throw Error(fmt::format("no setting has a score of at least {:.6g}", *least),
                "give more bits, or ask for less", ErrorKind::kLimit);
  }
  if (!options.write_best.empty()) write_best(model, options, *comparison.best);
}

/// Refuses before any work what could not be written after it.
void check_files(const CompareOptions& options) {
  if (!options.write_best.empty()) {
    QuantizeOptions best = best_options(options, 0);
    best.html = options.html;
    check_outputs(outputs_of(best), best);
  } else if (!options.html.empty()) {
    check_output(options.html, options.input, options.force);
  }
}

void execute(const CompareOptions& options) {
  if (options.input != kStandardInput) require_exists(options.input);
  check_files(options);
  const auto model = open_input(options.input);
  try {
    compare_model(*model, options);
  } catch (Error& error) {
    if (error.kind() != ErrorKind::kUsage) error.at_file(options.input);
    throw;
  }
}

}  // namespace

void run_compare(const Arguments& arguments) {
  CompareOptions options;
  if (parse_compare_options(arguments, options)) execute(options);
}

}  // namespace wquant
