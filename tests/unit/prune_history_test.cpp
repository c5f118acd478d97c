#include "wquant/prune_history.h"

#include <gtest/gtest.h>

#include "quant/scaled_view.h"
#include "unit/engine_support.h"

namespace wquant {
namespace {

PruneHistory begun(std::uint64_t weights, double loss) {
  PruneHistory history;
  history.weights = weights;
  history.loss = loss;
  return history;
}

/// The next round, with this loss.
PruneRound play(PruneHistory& history, std::optional<double> loss) {
  std::optional<PruneRound> round = next_round(history, 0.1, 20);
  EXPECT_TRUE(round);
  round->loss = loss;
  add_round(history, *round);
  return history.rounds.back();
}

TEST(PruneHistory, a_round_that_is_rejected_goes_back_to_the_last_accepted_and_halves_the_share) {
  PruneHistory history = begun(1000, 1.0);
  EXPECT_EQ(play(history, 0.9).zeros, 100U);
  EXPECT_EQ(play(history, 0.9).zeros, 200U);  // Not above.
  EXPECT_FALSE(play(history, 0.91).accepted);
  EXPECT_EQ(history.base(), 2U);
  EXPECT_EQ(history.base_loss(), 0.9);
  EXPECT_EQ(play(history, std::nullopt).zeros, 250U);
  EXPECT_EQ(history.base(), 2U);
  EXPECT_EQ(play(history, 0.5).zeros, 225U);
  EXPECT_EQ(history.base(), 5U);
  EXPECT_EQ(play(history, 0.4).zeros, 250U);  // The share stays halved.
  EXPECT_EQ(history.accepted(), 4U);
}

TEST(PruneHistory, ends_after_rounds_halvings_and_when_less_than_a_weight_is_asked_for) {
  PruneHistory history = begun(100000, 1.0);
  for (int i = 0; i < kMostHalvings; ++i) play(history, 2.0);
  EXPECT_FALSE(next_round(history, 0.1, 20));
  EXPECT_EQ(history.stopped, "the share of a round was halved 6 times");
  EXPECT_EQ(history.base(), 0U);
  EXPECT_FALSE(next_round(history, 0.1, 6));
  EXPECT_EQ(history.stopped, "6 rounds are done");
  PruneHistory small = begun(10, 1.0);
  play(small, 2.0);
  EXPECT_FALSE(next_round(small, 0.1, 20));
  EXPECT_EQ(small.stopped, "the share of a round is less than a weight");
}

TEST(PruneHistory, removes_no_more_than_is_left) {
  PruneHistory history = begun(25, 1.0);
  history.zeros_before = 22;
  EXPECT_EQ(play(history, 1.0).removed, 3U);
  EXPECT_FALSE(next_round(history, 0.1, 20));
  EXPECT_EQ(history.stopped, "no weight is left");
}

TEST(ScaledView, multiplies_every_number_wherever_it_is_read) {
  testing_engine::TestModel model;
  model.add("y", {1, -2, 0, 1e10F, 3});
  const auto scaled = scaled_view(model, 0.9);
  std::vector<float> values(5);
  scaled->read_floats(0, 0, values);
  EXPECT_EQ(values, (std::vector<float>{0.9F, -1.8F, 0, 9e9F, 2.7F}));
  std::vector<std::byte> whole(20), part(9);
  scaled->read(0, 0, whole);
  scaled->read(0, 3, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 3));
  model.add_kept("labels", 3);
  EXPECT_THROW(static_cast<void>(scaled_view(model, 0.9)), Error);
}

}  // namespace
}  // namespace wquant
