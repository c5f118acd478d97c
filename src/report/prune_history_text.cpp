#include <fmt/format.h>

#include <string>

#include "report/prune_history.h"
#include "report/pruning.h"
#include "report/render.h"
#include "report/table.h"

namespace wquant {
namespace {

std::string loss_text(const std::optional<double>& loss) {
  return loss ? fmt::format("{:.6g}", *loss) : "-";
}

std::string rounds_text(const PruneHistory& history) {
  Table table(
      {{"round"}, {"removed"}, {"zeros"}, {"share"}, {"loss"}, {"unpruned"}, {"", Align::kLeft}});
  table.add({"0", "0", grouped(history.zeros_before),
             share_text(history.zeros_before, history.weights), loss_text(history.loss),
             loss_text(history.loss), "start"});
  for (std::size_t i = 0; i < history.rounds.size(); ++i) {
    const PruneRound& round = history.rounds[i];
    table.add({std::to_string(i + 1), grouped(round.removed), grouped(round.zeros),
               share_text(round.zeros, history.weights), loss_text(round.loss),
               loss_text(round.unpruned_loss), round.accepted ? "accepted" : "rejected"});
  }
  return table.text();
}

}  // namespace

std::optional<double> unpruned_loss_of_best(const PruneHistory& history) {
  const std::size_t best = history.base();
  return best == 0 ? history.loss : history.rounds[best - 1].unpruned_loss;
}

std::string prune_history_text(const PruneHistory& history) {
  return rounds_text(history) +
         fmt::format(
             "\nbest          round {}: {} of {} weights are 0 ({}), method {}\n"
             "loss          {}, of the unpruned model trained equally long {}\n"
             "ended         {}\n",
             history.base(), grouped(history.base_zeros()), grouped(history.weights),
             share_text(history.base_zeros(), history.weights), name_of(history.method),
             loss_text(history.base_loss()), loss_text(unpruned_loss_of_best(history)),
             history.stopped);
}

}  // namespace wquant
