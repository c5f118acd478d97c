#pragma once

#include "cli/prune_options.h"

namespace wquant {

/// Prunes, trains and evaluates until next_round() gives nothing, then writes the best state and
/// prints the history. What is done lies in the state folder: a run that ended anywhere goes on
/// from there and comes to the same end. Throws Error.
void run_prune_loop(const PruneOptions& options);

}  // namespace wquant
