#include "wquant/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "unit/engine_support.h"
#include "unit/layers.h"

namespace wquant {
namespace {

using namespace testing_layers;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_engine::TestModel;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TestModel& fill(TestModel& model, const std::vector<float>& weights) {
  model.add("w", weights);
  return model;
}

std::vector<float> floats(const ModelReader& model, std::size_t index) {
  std::vector<float> out(model.tensors()[index].count());
  model.read_floats(index, 0, out);
  return out;
}

std::vector<int> mask_of(const Pruned& pruned, std::size_t index) {
  std::vector<std::byte> bytes(pruned.mask->tensors()[index].count());
  pruned.mask->read(index, 0, bytes);
  std::vector<int> mask(bytes.size());
  std::ranges::transform(bytes, mask.begin(), [](std::byte b) { return std::to_integer<int>(b); });
  return mask;
}

Pruned run(const std::vector<PruneFold>& folds, const PruneSettings& settings,
           const ModelReader* previous = nullptr, unsigned threads = 1) {
  RunOptions options;
  options.threads = threads;
  return prune(folds, make_plan(*folds.front().control, {}), settings, previous, options);
}

template <typename F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// By hand: (2 - 1) / 2, (4 - 3) / 4, 0 and |(-0.5 - 1) / -0.5|.
TEST(Prune, ranks_by_what_the_perturbed_weight_deviates_relative_to_itself) {
  TestModel control, perturbed;
  fill(control, {1, 3, 5, 1});
  fill(perturbed, {2, 4, 5, -0.5F});
  const std::vector<PruneFold> folds = {{&control, {&perturbed}}};
  const double expected[] = {3, 0.5, 0.25, 0};
  for (std::uint64_t count = 1; count <= 4; ++count) {
    EXPECT_EQ(run(folds, {PruneMethod::kReductive, count, 0}).report.threshold,
              expected[count - 1]);
  }
  const Pruned two = run(folds, {PruneMethod::kReductive, 2, 0});
  EXPECT_THAT(mask_of(two, 0), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(floats(*two.model, 0), ElementsAre(0, 3, 5, 0));
  EXPECT_EQ(two.report.weights, 4U);
  EXPECT_EQ(two.report.removed, 2U);
}

TEST(Prune, a_deviation_is_the_mean_over_models_and_folds) {
  TestModel control, a, b, other, c;
  fill(control, {1, 1});
  fill(a, {2, 1});      // 0.5, 0
  fill(b, {1, 2});      // 0, 0.5
  fill(other, {3, 1});  // Deviations are from the fold's own control.
  fill(c, {4, 4});      // 0.25, 0.75
  const Pruned pruned =
      run({{&control, {&a, &b}}, {&other, {&c}}}, {PruneMethod::kReductive, 2, 0});
  EXPECT_FLOAT_EQ(static_cast<float>(*pruned.report.threshold), 0.25F);  // (0.5 + 0 + 0.25) / 3
  const Pruned one = run({{&control, {&a, &b}}, {&other, {&c}}}, {PruneMethod::kReductive, 1, 0});
  EXPECT_FLOAT_EQ(static_cast<float>(*one.report.threshold), 1.25F / 3);
  EXPECT_THAT(mask_of(one, 0), ElementsAre(1, 0));
}

TEST(Prune, a_perturbed_zero_deviates_without_bound_and_zero_over_zero_not_at_all) {
  TestModel control, perturbed;
  fill(control, {0, 1, 1e-40F, 7, 3e38F});
  fill(perturbed, {0, 0, -0.0F, 7, 1e-38F});
  const std::vector<PruneFold> folds = {{&control, {&perturbed}}};
  const Pruned two = run(folds, {PruneMethod::kReductive, 2, 0});
  EXPECT_EQ(two.report.threshold, kInfinity);
  EXPECT_EQ(two.report.ties_kept, 1U);  // The quotient of the last is beyond float32.
  EXPECT_THAT(mask_of(two, 0), ElementsAre(0, 0, 0, 1, 1));
  EXPECT_EQ(two.report.zeros_before, 1U);
}

TEST(Prune, what_the_mask_has_removed_stays_and_is_not_counted_again) {
  TestModel control, perturbed;
  fill(control, {0, 0, 2, 3});
  fill(perturbed, {1, 1, 2, 4});
  const std::vector<PruneFold> folds = {{&control, {&perturbed}}};
  const Pruned first = run({{&control, {}}}, {PruneMethod::kMagnitude, 0, 0});
  EXPECT_THAT(mask_of(first, 0), ElementsAre(0, 0, 1, 1));
  const Pruned second = run(folds, {PruneMethod::kReductive, 1, 0}, first.mask.get());
  EXPECT_THAT(mask_of(second, 0), ElementsAre(0, 0, 1, 0));
  EXPECT_EQ(second.report.zeros_before, 2U);
  EXPECT_EQ(second.report.removed, 1U);
  EXPECT_THAT(error_of([&] {
                run(folds, {PruneMethod::kReductive, 3, 0}, first.mask.get());
              }),
              HasSubstr("3 weights are to be removed where 2 of 4 are left"));
  TestModel strayed;
  fill(strayed, {0, 5, 2, 3});
  EXPECT_THAT(error_of([&] {
                run({{&strayed, {}}}, {PruneMethod::kMagnitude, 0, 0}, first.mask.get());
              }),
              HasSubstr("test-model: w: is not 0 where the mask is at index 1"));
}

TEST(Prune, nan_and_infinity_are_refused_wherever_they_are) {
  for (const float bad : {std::nanf(""), kInfinity, -kInfinity}) {
    TestModel good, spoiled;
    fill(good, std::vector<float>(300000, 1));
    std::vector<float> weights(300000, 1);
    weights[280001] = bad;
    fill(spoiled, weights);
    const std::string expected = "test-model: w: is NaN or infinite at index 280001";
    const PruneSettings settings{PruneMethod::kReductive, 1, 0};
    EXPECT_THAT(error_of([&] {
                  run({{&good, {&spoiled}}}, settings, nullptr, 3);
                }),
                HasSubstr(expected));
    EXPECT_THAT(error_of([&] {
                  run({{&spoiled, {&good}}}, settings, nullptr, 3);
                }),
                HasSubstr(expected));
    for (const PruneMethod method : {PruneMethod::kMagnitude, PruneMethod::kRandom}) {
      EXPECT_THAT(error_of([&] { run({{&spoiled, {}}}, {method, 1, 0}); }), HasSubstr(expected));
    }
  }
}

TEST(Prune, models_that_do_not_match_are_refused) {
  TestModel control, other, shorter, integers;
  fill(control, {1, 2});
  other.add("v", {1, 2});
  fill(shorter, {1});
  integers.add_kept("w", 2);
  const PruneSettings settings{PruneMethod::kReductive, 1, 0};
  EXPECT_THAT(error_of([&] { run({{&control, {&other}}}, settings); }), HasSubstr("is missing"));
  EXPECT_THAT(error_of([&] {
                run({{&control, {&shorter}}}, settings);
              }),
              HasSubstr("has shape [1, 1] where test-model has [1, 2]"));
  EXPECT_THAT(error_of([&] { run({{&control, {&integers}}}, settings); }), HasSubstr("has shape"));
  EXPECT_THAT(error_of([&] { run({{&control, {}}}, settings); }), HasSubstr("needs models"));
}

struct Case {
  std::vector<std::vector<float>> control, low, high;
};

/// Layers of several slabs and of few weights, with zeros and ties.
Case layers(Shape shape, std::mt19937_64& random) {
  Case made;
  for (const std::size_t size : {1000U, 7U, 600001U, 64U, 1U, 262144U}) {
    made.control.push_back(make_layer(shape, size, random));
    made.low.push_back(made.control.back());
    made.high.push_back(made.control.back());
    for (std::size_t i = 0; i < size; ++i) {
      made.low.back()[i] *= shape == Shape::kTies ? 2.0F : 1 + static_cast<float>(uniform(random));
      made.high.back()[i] *= shape == Shape::kTies ? (i % 3 == 0 ? 1.0F : 0.5F) : 0.9F;
    }
  }
  return made;
}

TestModel& fill(TestModel& model, const std::vector<std::vector<float>>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i) model.add("w" + std::to_string(i), tensors[i]);
  return model;
}

/// What is ranked, in the order in which it is removed, and what is 0: by the definitions, with a
/// stable sort.
struct Ranking {
  std::vector<std::size_t> order;
  std::vector<bool> gone;

  [[nodiscard]] std::vector<bool> removed(std::uint64_t count) const {
    std::vector<bool> all = gone;
    for (std::size_t i = 0; i < count; ++i) all[order[i]] = true;
    return all;
  }
};

Ranking ranking_of(const Case& layers, PruneMethod method) {
  std::vector<float> scores;
  Ranking ranking;
  for (std::size_t t = 0; t < layers.control.size(); ++t) {
    for (std::size_t i = 0; i < layers.control[t].size(); ++i) {
      const float c = layers.control[t][i];
      const auto deviation = [c](float p) { return p == c ? 0 : std::fabs((p - c) / p); };
      const float sum = deviation(layers.low[t][i]) + deviation(layers.high[t][i]);
      if (c != 0) ranking.order.push_back(scores.size());
      scores.push_back(method == PruneMethod::kMagnitude ? -std::fabs(c) : sum / 2);
      ranking.gone.push_back(c == 0);
    }
  }
  std::ranges::stable_sort(ranking.order, std::greater(), [&](std::size_t i) { return scores[i]; });
  return ranking;
}

TEST(Prune, removes_exactly_what_a_sort_would_with_any_number_of_threads) {
  std::mt19937_64 random(1);
  for (const Shape shape : {Shape::kHeavyTail, Shape::kTies, Shape::kOutlier}) {
    const Case made = layers(shape, random);
    TestModel control, low, high;
    fill(control, made.control), fill(low, made.low), fill(high, made.high);
    for (const PruneMethod method : {PruneMethod::kReductive, PruneMethod::kMagnitude}) {
      PruneFold fold{&control, {}};
      if (method == PruneMethod::kReductive) fold.perturbed = {&low, &high};
      const Ranking ranking = ranking_of(made, method);
      for (const std::uint64_t count : {1U, 86000U, 400000U}) {
        const std::vector<bool> expected = ranking.removed(count);
        for (const unsigned threads : {1U, 3U}) {
          const Pruned pruned = run({fold}, {method, count, 0}, nullptr, threads);
          std::vector<bool> removed;
          for (std::size_t t = 0; t < made.control.size(); ++t) {
            for (const int kept : mask_of(pruned, t)) removed.push_back(kept == 0);
          }
          ASSERT_TRUE(removed == expected) << static_cast<int>(shape) << " " << count;
          ASSERT_EQ(pruned.report.removed, count);
        }
      }
    }
  }
}

TEST(Prune, random_weights_depend_on_the_seed_alone_and_are_spread) {
  TestModel model;
  fill(model, std::vector<float>(600000, 1));
  const auto mask = [&](std::uint64_t seed, unsigned threads) {
    return mask_of(run({{&model, {}}}, {PruneMethod::kRandom, 60000, seed}, nullptr, threads), 0);
  };
  const std::vector<int> first = mask(1, 1);
  EXPECT_EQ(first, mask(1, 4));
  EXPECT_NE(first, mask(2, 1));
  for (std::ptrdiff_t tenth = 0; tenth < 10; ++tenth) {
    const auto begin = first.begin() + tenth * 60000;
    EXPECT_NEAR(60000 - std::accumulate(begin, begin + 60000, 0), 6000, 400);
  }
}

TEST(Prune, parts_of_the_pruned_model_may_begin_within_an_element) {
  TestModel model;
  std::vector<float> weights(1000);
  std::iota(weights.begin(), weights.end(), 1.0F);
  fill(model, weights);
  const Pruned pruned = run({{&model, {}}}, {PruneMethod::kRandom, 500, 1});
  std::vector<std::byte> whole(4000);
  pruned.model->read(0, 0, whole);
  for (const std::size_t first : {0U, 1U, 255U, 256U, 1023U, 3999U}) {
    for (const std::size_t size : {1U, 2U, 7U, 300U, 2000U}) {
      if (first + size > whole.size()) continue;
      std::vector<std::byte> part(size);
      pruned.model->read(0, first, part);
      EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<long>(first)));
    }
  }
}

TEST(Prune, kept_tensors_have_no_mask_and_stay_as_they_are) {
  TestModel model;
  model.add("w", {1, 2, 3});
  model.add("b", {3}, {7, 8, 9}, {});
  model.add_kept("steps", 3);
  const Pruned pruned = run({{&model, {}}}, {PruneMethod::kMagnitude, 1, 0});
  EXPECT_EQ(pruned.mask->tensors().size(), 1U);
  EXPECT_THAT(floats(*pruned.model, 0), ElementsAre(0, 2, 3));
  EXPECT_THAT(floats(*pruned.model, 1), ElementsAre(7, 8, 9));
  EXPECT_EQ(pruned.report.weights, 3U);
}

}  // namespace
}  // namespace wquant
