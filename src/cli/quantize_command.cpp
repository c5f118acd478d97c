#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "base/output_file.h"
#include "base/staged_work.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/correlation.h"
#include "cli/paths.h"
#include "cli/quantize_options.h"
#include "cli/signals.h"
#include "cli/size_target.h"
#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "formats/format.h"
#include "formats/quantized_output.h"
#include "report/html.h"
#include "report/render.h"
#include "wquant/error.h"
#include "wquant/formats.h"
#include "wquant/version.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

/// Where the run writes.
struct Outputs {
  fs::path model, report;
  fs::path page;           ///< Empty: none.
  bool is_folder = false;  ///< Of several files and their index.
};

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

Outputs outputs_of(const QuantizeOptions& options) {
  Outputs outputs;
  outputs.model = options.output;
  outputs.is_folder = writes_folder(options);
  if (options.output.empty() && options.input == kStandardInput) {
    throw Error("standard input gives the output no name", "name it with -o", ErrorKind::kUsage);
  }
  if (options.output.empty()) {
    const TensorSettings& settings = options.settings.tensor;
    outputs.model = quantized_path(options.input, settings.mode,
                                   options.has_budget() ? 0 : settings.bits, outputs.is_folder);
  }
  outputs.report = report_path(outputs.model);
  outputs.page = options.html;
  return outputs;
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

/// Refuses before any work what could not be written after it.
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

/// The kind of file that is written from the model.
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

/// What the report says of files.
void name_files(Report& report, const QuantizeOptions& options, const Outputs& outputs,
                const QuantizedSizes& sizes) {
  report.input = options.input;
  report.output = outputs.model.string();
  report.header_bytes = sizes.header_bytes;
  report.file_bytes = sizes.file_bytes;
}

Report dry_report(const Plan& plan) {
  Report report;
  report.dry_run = true;
  for (const PlannedTensor& planned : plan.tensors) {
    TensorReport tensor;
    tensor.info = planned.info;
    tensor.quantized = planned.quantized;
    tensor.kept_reason = planned.kept_reason;
    tensor.settings = planned.settings;
    if (planned.same_as) tensor.same_as = plan.tensors[*planned.same_as].info.name;
    tensor.balance = planned.balance;
    tensor.cells = planned.cells;
    tensor.codebook.bits = planned.quantized ? planned.settings.bits : 0;
    tensor.bytes = stored_size(planned);
    report.tensors.push_back(std::move(tensor));
  }
  return report;
}

Report run_with_progress(const ModelReader& model, const Plan& plan, PartSink& sink,
                         const QuantizeOptions& options) {
  ProgressLine line(options.talk);
  RunOptions run = run_options(line, options.threads);
  run.pictures = !options.html.empty();
  try {
    return quantize(model, plan, sink, run);
  } catch (Error& error) {
    error.at_file(options.input);
    throw;
  }
}

/// The size that is asked for.
SizeTarget target_of(const ModelReader& model, const QuantizeOptions& options) {
  if (options.avg_bits) return {target_bytes(*options.avg_bits, model)};
  if (options.target_size.empty()) return {};
  return {target_bytes(options.target_size, model)};
}

/// Chooses for a size or a correlation.
BudgetReport plan_budget(const QuantizedFormat& format, const QuantizedJob& job,
                         const Survey& survey, Plan& plan, const SizeTarget& target) {
  return target.bytes == 0 ? plan_for_correlation(survey, plan)
                           : plan_for_size(format, job, survey, plan, target);
}

/// Whether what was written is to be planned anew.
using PlanAnew = std::function<bool(const Report& written)>;

/// The whole work, or nothing when it is to be planned anew. The report's files are complete
/// before the model's file gets its name, so that only the renames stand between none and all.
std::optional<Report> write_outputs(const QuantizedFormat& format, const QuantizedJob& job,
                                    const std::optional<BudgetReport>& budget,
                                    const QuantizeOptions& options, const Outputs& outputs,
                                    const PlanAnew& plan_anew) {
  const Overwrite overwrite = options.force ? Overwrite::kReplace : Overwrite::kRefuse;
  OutputFile report_file(outputs.report, overwrite);
  std::optional<OutputFile> page_file;
  if (!outputs.page.empty()) page_file.emplace(outputs.page, overwrite);
  const auto writer = format.make(job, overwrite);
  spdlog::debug("{}: {}", printable(outputs.model.string(), 1000),
                byte_text(writer->sizes().file_bytes));
  check_stop();
  Report report = run_with_progress(job.model, job.plan, *writer, options);
  report.budget = budget;
  const QuantizedSizes sizes = writer->sizes(report);
  name_files(report, options, outputs, sizes);
  if (plan_anew(report)) return {};
  if (options.min_correlation) {
    require_correlation(report, *options.min_correlation, options.input);
  }
  report_file.append(report_json(report));
  if (page_file) page_file->append(report_html(report));
  check_stop();
  writer->finish(report);
  report_file.commit();
  if (page_file) page_file->commit();
  name_files(report, options, outputs, sizes);
  return report;
}

void print_report(const Report& report, const QuantizeOptions& options) {
  if (options.json) {
    print_result(report_json(report));
  } else if (!options.talk.quiet) {
    print_result(
        report_text(report, options.talk.verbose ? KeptTensors::kListed : KeptTensors::kSummed));
  }
}

Plan plan_of(const ModelReader& model, const QuantizeOptions& options) {
  try {
    return make_plan(model, options.settings);
  } catch (Error& error) {
    if (error.kind() != ErrorKind::kUsage) error.at_file(options.input);
    throw;
  }
}

bool quantizes_any(const Plan& plan) {
  return std::any_of(plan.tensors.begin(), plan.tensors.end(),
                     [](const PlannedTensor& tensor) { return tensor.quantized; });
}

/// Once, or again with more bytes for tensors that balancing took too much correlation from, or
/// nearer to the size that is asked for.
void run_job(const QuantizedFormat& format, const QuantizedJob& job, Plan& plan,
             const QuantizeOptions& options, const Outputs& outputs) {
  std::optional<Survey> survey;
  if (options.has_budget()) survey = survey_of(job, options);
  SizeTarget target = target_of(job.model, options);
  for (std::optional<Report> report; !report;) {
    std::optional<BudgetReport> budget;
    if (survey) budget = plan_budget(format, job, *survey, plan, target);
    if (options.dry_run) {
      report = dry_report(plan);
      report->budget = budget;
      name_files(*report, options, outputs, format.sizes(job));
    } else {
      report = write_outputs(format, job, budget, options, outputs, [&](const Report& written) {
        return (survey && options.min_correlation &&
                raise(*survey, plan, written, *options.min_correlation)) ||
               (target.bytes != 0 &&
                target.missed(format.sizes(job).file_bytes, written.file_bytes));
      });
    }
    if (report) print_report(*report, options);
  }
}

void execute(const QuantizeOptions& options) {
  if (options.input != kStandardInput) require_exists(options.input);
  const Outputs outputs = outputs_of(options);
  check_outputs(outputs, options);
  const auto model = open_input(options.input);
  spdlog::debug("{}: {}, {} tensors", printable(options.input, 1000), model->format(),
                model->tensors().size());
  spdlog::debug("kernels {}, {} threads", kernels_in_use(), thread_count(options.threads));
  if (model->format().starts_with("wquant")) {
    spdlog::warn("{}: already quantized: its levels are quantized again",
                 printable(options.input, 1000));
  }
  const QuantizedFormat& format = format_of(outputs, *model);
  Plan plan = plan_of(*model, options);
  if (!quantizes_any(plan)) {
    spdlog::warn("{}: no tensor is quantized: -v lists the reasons",
                 printable(options.input, 1000));
  }
  const QuantizedJob job{*model, plan, options.settings, outputs.model, options.shard_size};
  try {
    run_job(format, job, plan, options, outputs);
  } catch (Error& error) {
    if (error.kind() != ErrorKind::kUsage) error.at_file(options.input);
    throw;
  }
}

}  // namespace

void run_quantize(const Arguments& arguments) {
  QuantizeOptions options;
  if (parse_quantize_options(arguments, options)) execute(options);
}

}  // namespace wquant
