#include "cli/quantize_job.h"

#include <spdlog/spdlog.h>

#include <functional>
#include <utility>

#include "base/output_file.h"
#include "base/text.h"
#include "cli/correlation.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "quant/tensor_steps.h"
#include "report/html.h"
#include "report/render.h"
#include "wquant/error.h"

namespace wquant {
namespace {

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
    TensorReport tensor = begin_report(planned);
    if (planned.same_as) tensor.same_as = plan.tensors[*planned.same_as].info.name;
    tensor.codebook.bits = planned.quantized ? planned.settings.bits : 0;
    // What is known of its size comes from weights.
    const bool is_masked = planned.estimated_bytes && planned.settings.coding == Coding::kFixed;
    if (is_masked) tensor.codebook.masked_code = 0;
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

}  // namespace

Report run_job(const QuantizedFormat& format, const QuantizedJob& job, Plan& plan,
               std::optional<Survey> survey, const QuantizeOptions& options,
               const Outputs& outputs) {
  SizeTarget target = target_of(job.model, options);
  for (;;) {
    std::optional<Report> report;
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
    if (report) return std::move(*report);
  }
}

}  // namespace wquant
