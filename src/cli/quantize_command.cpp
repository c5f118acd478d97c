#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/staged_work.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/paths.h"
#include "cli/quantize_job.h"
#include "cli/quantize_options.h"
#include "cli/quantize_outputs.h"
#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "report/render.h"
#include "wquant/error.h"
#include "wquant/formats.h"
#include "wquant/version.h"

namespace wquant {
namespace {

void print_report(const Report& report, const QuantizeOptions& options) {
  if (options.json) {
    print_result(report_json(report));
  } else if (!options.talk.quiet) {
    print_result(
        report_text(report, options.talk.verbose ? KeptTensors::kListed : KeptTensors::kSummed));
  }
}

Plan plan_of(const ModelReader& model, const QuantizeOptions& options,
             const QuantizedFormat& format) {
  try {
    return make_plan(model, options.settings, format);
  } catch (Error& error) {
    if (error.kind() != ErrorKind::kUsage) error.at_file(options.input);
    throw;
  }
}

bool quantizes_any(const Plan& plan) {
  return std::any_of(plan.tensors.begin(), plan.tensors.end(),
                     [](const PlannedTensor& tensor) { return tensor.quantized; });
}

/// Two levels have no place for zeros that shall stay.
void check_zeros(const Plan& plan) {
  for (const PlannedTensor& tensor : plan.tensors) {
    const TensorSettings& settings = tensor.settings;
    if (tensor.quantized && settings.zero == Zero::kKeep && settings.bits == 1 &&
        settings.coding == Coding::kFixed) {
      throw Error("zero keep needs a level for zeros, which 1 bit does not have",
                  "give 2 bits or more, mode ternary, or leave zero auto", ErrorKind::kUsage)
          .at_tensor(tensor.info.name);
    }
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
  Plan plan = plan_of(*model, options, format);
  if (!quantizes_any(plan)) {
    spdlog::warn("{}: no tensor is quantized: -v lists the reasons",
                 printable(options.input, 1000));
  }
  if (!options.has_budget()) check_zeros(plan);
  const QuantizedJob job{*model,         plan, options.settings, outputs.model, options.shard_size,
                         options.threads};
  try {
    std::optional<Survey> survey;
    if (options.has_budget()) survey = survey_of(format, job, options);
    print_report(run_job(format, job, plan, std::move(survey), options, outputs), options);
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
