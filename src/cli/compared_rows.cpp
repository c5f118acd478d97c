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

/// The choices of some variants.
Survey part_of(const Survey& all, const std::vector<std::size_t>& variants) {
  Survey part;
  for (const std::size_t variant : variants) part.variants.push_back(all.variants[variant]);
  for (const Ladder& ladder : all.ladders) {
    part.ladders.emplace_back();
    for (Choice choice : ladder) {
      const auto place = std::ranges::find(variants, choice.variant) - variants.begin();
      choice.variant = static_cast<std::size_t>(place);
      if (choice.variant < variants.size()) part.ladders.back().push_back(choice);
    }
  }
  return part;
}

/// The kind of file that rows are written to.
const QuantizedFormat& format_of_rows(const ModelReader& model, const CompareOptions& options) {
  return format_of(outputs_of(options.quantize(options.rows.front(), kNoFile)), model);
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
    const QuantizedFormat& format = format_of(outputs_of(options.quantize(row, kNoFile)), model);
    plans.push_back(make_plan(model, row.settings, format));
    if (!surveys[i]) continue;
    const QuantizedJob job{model, plans.back(), row.settings, kNoFile};
    plan_for_size(format, job, *surveys[i], plans.back(), {target_bytes(row.size, model)});
  }
  return plans;
}

/// Takes over what was learnt of sizes.
void estimate(Plan& plan, const ComparedSetting& setting) {
  std::size_t place = 0;
  for (PlannedTensor& tensor : plan.tensors) {
    if (!tensor.quantized || tensor.same_as) continue;
    const ComparedTensor& compared = setting.tensors[place++];
    if (compared.estimated) tensor.estimated_bytes = compared.bytes;
  }
}

}  // namespace

std::vector<std::optional<Survey>> surveys_of(const ModelReader& model,
                                              const CompareOptions& options) {
  std::vector<std::optional<Survey>> surveys(options.rows.size());
  QuantizeOptions all;
  all.threads = options.threads;
  all.talk = options.talk;
  std::vector<std::vector<std::size_t>> used(options.rows.size());  // Variants, by row.
  for (std::size_t i = 0; i < options.rows.size(); ++i) {
    if (options.rows[i].size.empty()) continue;
    for (const Settings& settings : options.rows[i].variants) {
      const auto known = std::ranges::find_if(
          all.variants, [&](const Settings& variant) { return variant.tensor == settings.tensor; });
      used[i].push_back(static_cast<std::size_t>(known - all.variants.begin()));
      if (known == all.variants.end()) all.variants.push_back(settings);
    }
  }
  if (all.variants.empty()) return surveys;
  const Plan plan = make_plan(model, all.variants.front());
  const QuantizedJob job{model, plan, all.variants.front(), kNoFile};
  const Survey survey = survey_of(format_of_rows(model, options), job, all);
  for (std::size_t i = 0; i < surveys.size(); ++i) {
    if (!used[i].empty()) surveys[i] = part_of(survey, used[i]);
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
  Plan plan = make_plan(model, options.settings, format);
  const QuantizedJob job{model,          plan, options.settings, outputs.model, options.shard_size,
                         options.threads};
  return run_job(format, job, plan, std::move(survey), options, outputs);
}

}  // namespace wquant
