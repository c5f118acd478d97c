#include <string>

#include "base/json_text.h"
#include "report/prune_history.h"

namespace wquant {
namespace {

constexpr int kHistoryVersion = 1;

void add_round(JsonWriter& json, const PruneRound& round) {
  json.open_object();
  json.member("fraction", round.fraction);
  json.member("removed", round.removed);
  json.member("zeros", round.zeros);
  json.member("loss", round.loss);
  json.member("unpruned_loss", round.unpruned_loss);
  json.member("accepted", round.accepted);
  json.close_object();
}

}  // namespace

std::string prune_history_json(const PruneHistory& history) {
  JsonWriter json;
  json.open_object();
  json.member("history_version", kHistoryVersion);
  json.member("input", history.input);
  json.member("method", name_of(history.method));
  json.member("weights", history.weights);
  json.member("zeros_before", history.zeros_before);
  json.member("loss", history.loss);
  json.open_array("rounds");
  for (const PruneRound& round : history.rounds) add_round(json, round);
  json.close_array();
  json.member("best_round", history.base());
  json.member("best_zeros", history.base_zeros());
  json.member("best_loss", history.base_loss());
  json.member("best_unpruned_loss", unpruned_loss_of_best(history));
  json.member("stopped", history.stopped);
  json.close_object();
  return json.take();
}

}  // namespace wquant
