#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "wquant/model.h"
#include "wquant/prune.h"
#include "wquant/quantize.h"

namespace wquant {

/// A model and the tensors in it that those of a plan are matched to by name; entries of tensors
/// that are not pruned are 0.
struct MatchedModel {
  const ModelReader* model = nullptr;
  std::vector<std::size_t> tensors;
};

struct MatchedFold {
  MatchedModel control;
  std::vector<MatchedModel> perturbed;
};

/// What weights are ranked from.
struct PruneModels {
  const Plan& plan;  ///< Of the first fold's control.
  std::vector<MatchedFold> folds;

  [[nodiscard]] const ModelReader& control() const { return *folds.front().control.model; }
  /// All models, the first fold's control first.
  [[nodiscard]] std::vector<const MatchedModel*> all() const;
};

/// Finds the tensors that are pruned in all models. Those that a method does not need are left out.
/// Throws Error (usage) for a fold without what the method needs, and Error naming file and tensor
/// for a tensor that is missing or has another shape or no floating-point numbers.
PruneModels match_models(std::span<const PruneFold> folds, const Plan& plan, PruneMethod method);

/// The same for a mask: a tensor of one-byte numbers for each that is pruned, and no other.
MatchedModel match_mask(const ModelReader& mask, const ModelReader& control, const Plan& plan);

}  // namespace wquant
