#include "quant/key_filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "unit/layers.h"
#include "wquant/quantize.h"

namespace wquant {
namespace {

using testing_layers::gaussian;

std::vector<float> layer_of(std::size_t size) {
  std::mt19937_64 random(3);
  std::vector<float> layer(size);
  for (float& w : layer) w = static_cast<float>(gaussian(random));
  return layer;
}

Distribution binned(const std::vector<float>& layer) {
  KeyTable keys;
  KeySums sums;
  const Moments moments = keys.add({layer.data(), layer.size()}, 0, sums);
  keys.drain(sums);
  return binned_distribution(sums, moments);
}

/// Marks `wide` keys of every `period`, and nothing below a magnitude.
MagnitudeMarks marks_of(int shift, std::size_t period, std::size_t wide) {
  MagnitudeMarks marks(shift);
  for (std::size_t key = marks.key(0.25F); key < marks.key(8); ++key) {
    if (key % period < wide) marks.set(key);
  }
  return marks;
}

struct Passed {
  std::size_t all = 0, marked = 0;
};

/// Passes the layer, and expects all marked weights in it, in their order.
Passed pass(const KeyFilter& filter, const MagnitudeMarks& marks, const std::vector<float>& layer) {
  std::vector<float> passed;
  filter.pass({layer.data(), layer.size()}, [&](WeightView some) {
    passed.resize(passed.size() + some.size);
    if (some.size > 0) some.copy_to(passed.data() + passed.size() - some.size);
  });
  Passed counts = {passed.size(), 0};
  std::size_t at = 0;
  for (const float w : layer) {
    if (!marks[marks.key(w)]) continue;
    ++counts.marked;
    while (at < passed.size() && passed[at] != w) ++at;
    EXPECT_LT(at++, passed.size()) << w << " is missing";
  }
  return counts;
}

struct Case {
  std::size_t period, wide;
};

TEST(KeyFilter, LetsAllMarkedWeightsPassAndFewOthers) {
  const std::vector<float> layer = layer_of(50'000);
  const Distribution distribution = binned(layer);
  for (const int shift : {kKeyShift, kKeyShift - 4}) {
    for (const auto [period, wide] : {Case{700, 9}, Case{2000, 100}, Case{100, 5}, Case{37, 8}}) {
      const MagnitudeMarks marks =
          marks_of(shift, period << (kKeyShift - shift), wide << (kKeyShift - shift));
      const Passed passed = pass(KeyFilter(marks, distribution), marks, layer);
      EXPECT_LE(passed.all, passed.marked + layer.size() / 4) << shift << " " << period;
      EXPECT_LT(passed.all, layer.size() / 2) << shift << " " << period;
    }
  }
}

TEST(KeyFilter, LetsAllPassWhereMostAreMarked) {
  const std::vector<float> layer = layer_of(50'000);
  const MagnitudeMarks marks = marks_of(kKeyShift, 10, 9);
  EXPECT_EQ(pass(KeyFilter(marks, binned(layer)), marks, layer).all, layer.size());
  EXPECT_EQ(pass(KeyFilter(), marks, layer).all, layer.size());
}

TEST(KeyFilter, TakesTheLargestAndTheSmallestMagnitudes) {
  std::vector<float> layer = layer_of(40'000);
  for (const float extreme : {3e38F, 1e-45F, 1e-40F, 2e-38F}) {
    layer[100] = extreme;
    layer[200] = -extreme;
    MagnitudeMarks marks(kKeyShift);
    marks.set(marks.key(extreme));
    const Passed passed = pass(KeyFilter(marks, binned(layer)), marks, layer);
    EXPECT_EQ(passed.marked, 2U) << extreme;
    EXPECT_EQ(passed.all, 2U) << extreme;
  }
}

}  // namespace
}  // namespace wquant
