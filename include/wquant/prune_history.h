#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wquant/prune.h"

namespace wquant {

/// One round of the loop: weights removed from the last accepted state, trained and evaluated.
struct PruneRound {
  double fraction = 0;         ///< dr: the share of all weights that it was to remove.
  std::uint64_t removed = 0;   ///< Weights that it removed.
  std::uint64_t zeros = 0;     ///< That are removed in all, by its state.
  std::optional<double> loss;  ///< On validation data; nothing: not finite.
  /// That of the model that was not pruned and trained as often; nothing: not finite.
  std::optional<double> unpruned_loss;
  bool accepted = false;
};

/// The loop so far. State 0 is the model trained once, state r that of round r (counted from 1).
/// Its functions throw nothing.
struct PruneHistory {
  std::string input;  ///< Path as the user gave it.
  PruneMethod method = PruneMethod::kReductive;
  std::uint64_t weights = 0;       ///< That may be removed.
  std::uint64_t zeros_before = 0;  ///< Of them, before the first round.
  double loss = 0;                 ///< Of state 0.
  std::vector<PruneRound> rounds;
  std::string stopped;  ///< Why; empty: it goes on.

  /// The last accepted state, which is the best: no state before has a lower loss.
  [[nodiscard]] std::size_t base() const;
  [[nodiscard]] double base_loss() const;
  [[nodiscard]] std::uint64_t base_zeros() const;
  /// How many rounds were accepted: trainings of the pruned line after its first.
  [[nodiscard]] std::size_t accepted() const;
};

/// The loop ends when dr has been halved so often: it is 1/64 of the first.
inline constexpr int kMostHalvings = 6;

/// The round that comes next, not yet trained: dr is `fraction`, halved for every round that was
/// rejected, and as many weights are removed, or all that are left. Nothing when the loop ends,
/// which `stopped` then tells: after that many rounds or halvings, when dr is less than a weight,
/// or when none is left. Throws nothing.
std::optional<PruneRound> next_round(PruneHistory& history, double fraction, std::size_t rounds);

/// Adds a round with its losses: accepted if its loss is finite and not above that of the last
/// accepted state. Throws nothing.
void add_round(PruneHistory& history, PruneRound round);

}  // namespace wquant
