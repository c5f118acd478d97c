#pragma once

#include <optional>
#include <string>

#include "wquant/prune_history.h"

namespace wquant {

/// The rounds as a table and what came of them.
std::string prune_history_text(const PruneHistory& history);

/// The same as JSON; losses that are not finite are null.
std::string prune_history_json(const PruneHistory& history);

/// The same as a page with the losses and the share of zeros by round, as report_html().
std::string prune_history_html(const PruneHistory& history);

/// The loss of the unpruned model that was trained as often as the best state; nothing where it is
/// not finite.
std::optional<double> unpruned_loss_of_best(const PruneHistory& history);

}  // namespace wquant
