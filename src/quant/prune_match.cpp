#include "quant/prune_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/text.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using Names = std::unordered_map<std::string_view, std::size_t>;

Names names_of(const ModelReader& model) {
  Names names;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    names.emplace(model.tensors()[i].name, i);
  }
  return names;
}

constexpr std::string_view kSameStart = "give a model that was trained from the same start";

/// The tensor of that name and shape in `model`; `remedy` is for one that is not as it must be.
std::size_t find_like(const TensorInfo& wanted, const Names& names, const ModelReader& model,
                      const ModelReader& control, std::string_view remedy) {
  const auto fail = [&](const std::string& problem) {
    throw Error(problem, std::string(remedy)).at_tensor(wanted.name).at_file(model.path());
  };
  const auto found = names.find(wanted.name);
  if (found == names.end()) {
    fail(fmt::format("is missing, {} has it", printable(control.path(), 1000)));
  }
  const TensorInfo& info = model.tensors()[found->second];
  if (info.shape != wanted.shape) {
    fail(fmt::format("has shape {} where {} has {}", shape_text(info.shape),
                     printable(control.path(), 1000), shape_text(wanted.shape)));
  }
  return found->second;
}

MatchedModel match(const ModelReader& model, const ModelReader& control, const Plan& plan) {
  const Names names = names_of(model);
  MatchedModel matched{&model, std::vector<std::size_t>(plan.tensors.size())};
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    if (!plan.tensors[i].quantized) continue;
    const std::size_t found = find_like(plan.tensors[i].info, names, model, control, kSameStart);
    const TensorInfo& info = model.tensors()[found];
    if (!is_quantizable(info.dtype)) {
      throw Error(fmt::format("holds {}, no floating-point numbers", name_of(info.dtype)),
                  std::string(kSameStart))
          .at_tensor(info.name)
          .at_file(model.path());
    }
    matched.tensors[i] = found;
  }
  return matched;
}

void check_folds(std::span<const PruneFold> folds) {
  for (const PruneFold& fold : folds) {
    if (!fold.perturbed.empty()) continue;
    throw Error("reductive pruning needs models that were trained to perturbed targets",
                "give them with --perturbed, or another --method", ErrorKind::kUsage)
        .at_file(fold.control->path());
  }
}

bool is_byte(Dtype dtype) {
  return dtype == Dtype::kBool || dtype == Dtype::kU8 || dtype == Dtype::kI8;
}

}  // namespace

std::vector<const MatchedModel*> PruneModels::all() const {
  std::vector<const MatchedModel*> models;
  for (const MatchedFold& fold : folds) {
    models.push_back(&fold.control);
    for (const MatchedModel& perturbed : fold.perturbed) models.push_back(&perturbed);
  }
  return models;
}

PruneModels match_models(std::span<const PruneFold> folds, const Plan& plan, PruneMethod method) {
  const bool is_reductive = method == PruneMethod::kReductive;
  if (is_reductive) check_folds(folds);
  const ModelReader& control = *folds.front().control;
  PruneModels models{plan, {}};
  for (const PruneFold& fold : is_reductive ? folds : folds.first(1)) {
    MatchedFold matched{match(*fold.control, control, plan), {}};
    for (const ModelReader* perturbed : fold.perturbed) {
      if (is_reductive) matched.perturbed.push_back(match(*perturbed, control, plan));
    }
    models.folds.push_back(std::move(matched));
  }
  return models;
}

MatchedModel match_mask(const ModelReader& mask, const ModelReader& control, const Plan& plan) {
  const Names names = names_of(mask);
  MatchedModel matched{&mask, std::vector<std::size_t>(plan.tensors.size())};
  std::vector<bool> used(mask.tensors().size());
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    if (!plan.tensors[i].quantized) continue;
    const std::size_t found = find_like(plan.tensors[i].info, names, mask, control,
                                        "give the mask that was written with the model");
    const TensorInfo& info = mask.tensors()[found];
    if (!is_byte(info.dtype)) {
      throw Error(fmt::format("holds {}, which is no mask", name_of(info.dtype)),
                  "store it as U8 or BOOL")
          .at_tensor(info.name)
          .at_file(mask.path());
    }
    matched.tensors[i] = found;
    used[found] = true;
  }
  const auto extra = std::ranges::find(used, false);
  if (extra != used.end()) {
    throw Error("is no weight that is pruned", "give --include and --exclude as before")
        .at_tensor(mask.tensors()[static_cast<std::size_t>(extra - used.begin())].name)
        .at_file(mask.path());
  }
  return matched;
}

}  // namespace wquant
