#include "wquant/prune_history.h"

#include <fmt/format.h>

#include <algorithm>

namespace wquant {

std::size_t PruneHistory::base() const {
  std::size_t state = rounds.size();
  while (state > 0 && !rounds[state - 1].accepted) --state;
  return state;
}

double PruneHistory::base_loss() const {
  const std::size_t state = base();
  return state == 0 ? loss : *rounds[state - 1].loss;
}

std::uint64_t PruneHistory::base_zeros() const {
  const std::size_t state = base();
  return state == 0 ? zeros_before : rounds[state - 1].zeros;
}

std::size_t PruneHistory::accepted() const {
  return static_cast<std::size_t>(std::ranges::count(rounds, true, &PruneRound::accepted));
}

std::optional<PruneRound> next_round(PruneHistory& history, double fraction, std::size_t rounds) {
  const std::size_t halvings = history.rounds.size() - history.accepted();
  for (std::size_t i = 0; i < halvings; ++i) fraction /= 2;
  const std::uint64_t left = history.weights - history.base_zeros();
  const std::uint64_t asked = share_of(fraction, history.weights);
  history.stopped.clear();
  if (history.rounds.size() >= rounds) {
    history.stopped = fmt::format("{} rounds are done", rounds);
  } else if (halvings >= kMostHalvings) {
    history.stopped = fmt::format("the share of a round was halved {} times", halvings);
  } else if (fraction * static_cast<double>(history.weights) < 1) {
    history.stopped = "the share of a round is less than a weight";
  } else if (left == 0) {
    history.stopped = "no weight is left";
  }
  if (!history.stopped.empty()) return std::nullopt;
  PruneRound round;
  round.fraction = fraction;
  round.removed = std::min(asked, left);
  round.zeros = history.base_zeros() + round.removed;
  return round;
}

void add_round(PruneHistory& history, PruneRound round) {
  round.accepted = round.loss.has_value() && *round.loss <= history.base_loss();
  history.rounds.push_back(round);
}

}  // namespace wquant
