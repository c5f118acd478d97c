#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wquant/model.h"
#include "wquant/quantize.h"

namespace wquant {

/// Which weights are removed first.
enum class PruneMethod {
  /// Those that deviate most where the target variable was perturbed: Gurbych, Prymachenko, "Method
  /// for reductive pruning of neural networks and its applications", 2022, doi
  /// 10.31891/csit-2022-3-5.
  kReductive,
  kMagnitude,  ///< Those with the smallest |w|.
  kRandom,     ///< As drawn from a seed.
};

/// "reductive", "magnitude", "random". Throws nothing.
std::string_view name_of(PruneMethod method);
/// The method of that name. Throws Error (usage) that lists the names.
PruneMethod prune_method(std::string_view name);

/// A model and those that were trained from the same start to perturbed targets. Models are matched
/// by the names of their tensors and outlive the run.
struct PruneFold {
  const ModelReader* control = nullptr;
  std::vector<const ModelReader*> perturbed;  ///< At least one for PruneMethod::kReductive.
};

struct PruneSettings {
  PruneMethod method = PruneMethod::kReductive;
  std::uint64_t count = 0;  ///< Weights to remove, over all tensors at once.
  std::uint64_t seed = 0;   ///< Of PruneMethod::kRandom.
};

/// What became of one tensor.
struct PrunedTensor {
  TensorInfo info;
  bool pruned = false;             ///< Whether its weights may be removed.
  std::string kept_reason;         ///< Set when not.
  std::string same_as;             ///< Name of the earlier tensor that it is tied to; empty: none.
  std::uint64_t zeros_before = 0;  ///< Weights that had been removed before.
  std::uint64_t removed = 0;       ///< Now.
};

/// What became of a model.
struct PruneReport {
  PruneMethod method = PruneMethod::kReductive;
  std::uint64_t seed = 0;
  std::vector<PrunedTensor> tensors;  ///< In the control's order.
  /// Sums over tensors, tied ones once. `weights` are all that may ever be removed.
  std::uint64_t weights = 0, zeros_before = 0, removed = 0;
  /// Deviation or |w| of the weight that was removed last; nothing where none was, or at random.
  std::optional<double> threshold;
  std::uint64_t ties_kept = 0;  ///< Weights that are ranked like that one and stay.
};

/// What prune() makes.
struct Pruned {
  /// The control with +0 for what is removed, in its own dtypes; reads from the control.
  std::unique_ptr<const ModelReader> model;
  /// A U8 tensor for each that is pruned, of its name and shape: 0 for what is removed, else 1.
  std::unique_ptr<const ModelReader> mask;
  PruneReport report;
};

/// Weights that may be removed: of tensors that the plan quantizes, tied ones once. Throws nothing.
std::uint64_t prunable_weights(const Plan& plan);

/// So many weights are a fraction of all, to the nearest. Throws nothing.
std::uint64_t share_of(double fraction, std::uint64_t weights);

/// Removes settings.count weights of the first fold's control, whose plan it is. Removed before is
/// what `previous`, a mask, has 0 for; without one, what is 0. The others are ranked, as float32:
/// by their deviation, the mean over all perturbed models p, each with the control c of its fold,
/// of |(p - c) / p|, where p = c gives 0 and p = 0 infinity; by |w|; or by a hash of the seed and
/// their place. Of those that are ranked alike the first ones go, in the control's order. Reads the
/// models twice; memory is bounded but for a bit a weight and 4 bytes for each that shares a
/// thousandth of the range with the last one removed, which lie in a SpoolFile.
///
/// Throws Error naming file and tensor: for models that do not match, for NaN and infinity, for a
/// control that is not 0 where the mask is, and where fewer weights are left than are to be
/// removed.
Pruned prune(std::span<const PruneFold> folds, const Plan& plan, const PruneSettings& settings,
             const ModelReader* previous = nullptr, const RunOptions& options = {});

}  // namespace wquant
