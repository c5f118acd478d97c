#include "cli/compared_rows.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/quantize_job.h"
#include "cli/quantize_outputs.h"
#include "formats/quantized_output.h"

namespace wquant {
namespace {

/// What a row would be written to.
constexpr const char* kNoFile = "compared";

/// The choices of one variant.
Survey of_variant(const Survey& all, std::size_t variant) {
  Survey one = {{all.variants[variant]}, {}};
  for (const Ladder& ladder : all.ladders) {
    one.ladders.emplace_back();
    for (const Choice& choice : ladder) {
      if (choice.variant != variant) continue;
      one.ladders.back().push_back(choice);
      one.ladders.back().back().variant = 0;
    }
  }
  return one;
}

/// The size of the file that the plan gives.
std::uint64_t file_bytes(const ModelReader& model, const Plan& plan,
                         const QuantizeOptions& options) {
  const QuantizedJob job{model, plan, options.settings, options.output};
  return format_of(outputs_of(options), model).sizes(job).file_bytes;
}

std::vector<Plan> plans_of(const ModelReader& model, const CompareOptions& options) {
  const std::vector<std::optional<Survey>> surveys = surveys_of(model, options);
  std::vector<Plan> plans;
  for (std::size_t i = 0; i < options.rows.size(); ++i) {
    const ComparedRow& row = options.rows[i];
    plans.push_back(make_plan(model, row.settings));
    if (!surveys[i]) continue;
    const QuantizeOptions quantize = options.quantize(row, kNoFile);
    const QuantizedJob job{model, plans.back(), row.settings, kNoFile};
    plan_for_size(format_of(outputs_of(quantize), model), job, *surveys[i], plans.back(),
                  {target_bytes(row.size, model)});
  }
  return plans;
}

/// Takes over what was learnt of sizes.
void estimate(Plan& plan, const ComparedSetting& setting) {
  std::size_t place = 0;
  for (PlannedTensor& tensor : plan.tensors) {
    if (!tensor.quantized || tensor.same_as) continue;
    const ComparedTensor& compared = setting.tensors[place++];
    if (compared.settings.coding == Coding::kEntropy) tensor.estimated_bytes = compared.bytes;
  }
}

}  // namespace

std::vector<std::optional<Survey>> surveys_of(const ModelReader& model,
                                              const CompareOptions& options) {
  std::vector<std::optional<Survey>> surveys(options.rows.size());
  QuantizeOptions all;
  all.threads = options.threads;
  all.talk = options.talk;
  std::vector<TensorSettings> variants;
  for (const ComparedRow& row : options.rows) {
    if (row.size.empty() || std::ranges::count(variants, row.settings.tensor) > 0) continue;
    variants.push_back(row.settings.tensor);
    all.variants.push_back(row.settings);
  }
  if (variants.empty()) return surveys;
  const Plan plan = make_plan(model, all.variants.front());
  const Survey survey = survey_of({model, plan, all.variants.front(), kNoFile}, all);
  for (std::size_t i = 0; i < surveys.size(); ++i) {
    if (options.rows[i].size.empty()) continue;
    const auto variant = std::ranges::find(variants, options.rows[i].settings.tensor);
    surveys[i] = of_variant(survey, static_cast<std::size_t>(variant - variants.begin()));
  }
  return surveys;
}

Comparison compare_rows(const ModelReader& model, const CompareOptions& options) {
  std::vector<Plan> plans = plans_of(model, options);
  ProgressLine line(options.talk);
  Comparison comparison = compare(model, plans, run_options(line, options.threads));
  for (std::size_t i = 0; i < plans.size(); ++i) {
    ComparedSetting& setting = comparison.settings[i];
    const ComparedRow& row = options.rows[i];
    setting.settings = row.settings.tensor;
    setting.size = row.size;
    estimate(plans[i], setting);
    setting.file_bytes = file_bytes(model, plans[i], options.quantize(row, kNoFile));
  }
  return comparison;
}

Report write_row(const ModelReader& model, const QuantizeOptions& options,
                 std::optional<Survey> survey) {
  const Outputs outputs = outputs_of(options);
  const QuantizedFormat& format = format_of(outputs, model);
  Plan plan = make_plan(model, options.settings);
  const QuantizedJob job{model, plan, options.settings, outputs.model, options.shard_size};
  return run_job(format, job, plan, std::move(survey), options, outputs);
}

}  // namespace wquant
