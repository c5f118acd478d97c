#include "wquant/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/meter.h"
#include "base/setting_names.h"
#include "base/staged_work.h"
#include "base/text.h"
#include "quant/mask_bits.h"
#include "quant/prune_passes.h"
#include "quant/pruned_view.h"
#include "wquant/error.h"

namespace wquant {
namespace {

PruneReport begin_report(const Plan& plan, const PruneSettings& settings) {
  PruneReport report;
  report.method = settings.method;
  report.seed = settings.seed;
  report.weights = prunable_weights(plan);
  for (const PlannedTensor& planned : plan.tensors) {
    PrunedTensor& tensor = report.tensors.emplace_back();
    tensor.info = planned.info;
    tensor.pruned = planned.quantized;
    tensor.kept_reason = planned.kept_reason;
    if (planned.same_as) tensor.same_as = plan.tensors[*planned.same_as].info.name;
  }
  return report;
}

/// Tells what had been removed, and what is now.
void count_removed(PruneReport& report, const Plan& plan, const MaskBits& bits, bool before) {
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    PrunedTensor& tensor = report.tensors[i];
    const std::uint64_t removed = bits.removed(i);
    (before ? tensor.zeros_before : tensor.removed) =
        before ? removed : removed - tensor.zeros_before;
    if (plan.tensors[i].same_as) continue;
    (before ? report.zeros_before : report.removed) +=
        before ? tensor.zeros_before : tensor.removed;
  }
}

void check_left(const PruneReport& report, std::uint64_t count, const ModelReader& control) {
  const std::uint64_t left = report.weights - report.zeros_before;
  if (count <= left) return;
  throw Error(fmt::format("{} weights are to be removed where {} of {} are left", count, left,
                          report.weights),
              "ask for less")
      .at_file(control.path());
}

}  // namespace

std::string_view name_of(PruneMethod method) { return choice_name(kPruneMethodChoices, method); }

PruneMethod prune_method(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& choice : kPruneMethodChoices) {
    if (choice.name == name) return choice.value;
    names.push_back(choice.name);
  }
  throw Error(fmt::format("unknown method {}", printable(name)), suggest(name, names),
              ErrorKind::kUsage);
}

std::uint64_t prunable_weights(const Plan& plan) {
  std::uint64_t weights = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    if (tensor.quantized && !tensor.same_as) weights += tensor.info.count();
  }
  return weights;
}

std::uint64_t share_of(double fraction, std::uint64_t weights) {
  return static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(weights)));
}

Pruned prune(std::span<const PruneFold> folds, const Plan& plan, const PruneSettings& settings,
             const ModelReader* previous, const RunOptions& options) {
  const PruneModels models = match_models(folds, plan, settings.method);
  const auto bits = std::make_shared<MaskBits>(plan);
  PruneReport report = begin_report(plan, settings);
  PrunePasses passes(models, settings, *bits, options);
  const KeyCounts counts = passes.count_keys(previous);
  count_removed(report, plan, *bits, true);
  check_left(report, settings.count, models.control());
  if (settings.count > 0) {
    const auto [last, ties_kept] = passes.remove(find_bin(counts, settings.count));
    report.threshold = PruneKeys(models, settings).value_of(last);
    report.ties_kept = ties_kept;
  }
  count_removed(report, plan, *bits, false);
  return {pruned_view(models.control(), bits), mask_view(plan, bits, models.control().path()),
          std::move(report)};
}

}  // namespace wquant
