#pragma once

#include <cstdint>
#include <string>
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
  unsigned threads = 0;
  bool dry_run = false, json = false;
  Talk talk;
};

/// Fills `options`. False when only help was wanted. Throws Error (usage).
bool parse_prune_options(const Arguments& arguments, PruneOptions& options);

}  // namespace wquant
