#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/prune_output.h"
#include "cli/terminal.h"
#include "wquant/prune.h"
#include "wquant/settings.h"

namespace wquant {

/// A model and those that were trained from the same start to perturbed targets.
struct FoldFiles {
  std::string control;
  std::vector<std::string> perturbed;
};

/// The whole loop, with the user's own trainer.
struct PruneLoopOptions {
  std::string train;     ///< Command with the places of kTrainPlaces; empty: no loop.
  std::string evaluate;  ///< Command with {} for the path of a model.
  std::string target, state;
  std::vector<double> factors = {0.9, 1.1};  ///< Of the target, a perturbed model each.
  std::size_t rounds = 20;
  std::string html;  ///< Page of the history; empty: none.
};

/// What stands in a train command for paths: weights to start from, mask, target, output.
inline constexpr std::array<std::string_view, 4> kTrainPlaces = {"{weights}", "{mask}", "{target}",
                                                                 "{output}"};

/// What `wquant prune` was asked to do.
struct PruneOptions {
  std::string input;
  std::vector<FoldFiles> folds;  ///< The first one's control is the input.
  std::string previous_mask;     ///< Empty: what is 0 had been removed.
  PruneMethod method = PruneMethod::kReductive;
  double fraction = 0.1;
  std::uint64_t seed = 0;
  Settings selection;  ///< Which tensors.
  PruneOutput output;
  PruneLoopOptions loop;
  unsigned threads = 0;
  bool dry_run = false, json = false;
  Talk talk;
};

/// Fills `options`. False when only help was wanted. Throws Error (usage).
bool parse_prune_options(const Arguments& arguments, PruneOptions& options);

}  // namespace wquant
