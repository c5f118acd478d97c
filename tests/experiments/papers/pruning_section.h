#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pruning_loops.h"
#include "section.h"
#include "wquant/prune.h"

namespace wquant::papers {

/// Losses on the test set of the regression, step by step.
struct PruningLine {
  std::string name;
  std::vector<double> losses;  ///< The first one with all weights, each further one a tenth fewer.
};

/// Prunes the regression of `seed` a tenth a step, whatever that does to it, with a training after
/// each: where nothing is removed, the network that is trained equally long.
PruningLine prune_by_steps(std::uint64_t seed, std::optional<PruneMethod> method);

/// Experiment 5: pruning.
Section pruning_section(const PruningPrograms& programs, int seeds);

}  // namespace wquant::papers
