#include "quant/balance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "quant/channel_layout.h"
#include "unit/engine_support.h"
#include "unit/layers.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using testing::HasSubstr;
using testing_engine::expect_same;
using testing_engine::Outcome;
using testing_engine::run;
using testing_engine::TestModel;
using testing_layers::gaussian;
using testing_layers::kShapes;
using testing_layers::make_layer;
using testing_layers::uniform;

using Codes = std::vector<std::uint8_t>;

std::vector<float> gaussian_weights(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<float> weights(count);
  for (float& w : weights) w = static_cast<float>(0.05 * gaussian(random));
  return weights;
}

Codes nearest_codes(const std::vector<float>& weights, const Codebook& book) {
  Codes codes(weights.size());
  kernels().find_codes(weights.data(), weights.size(), book.thresholds.data(), book.bits,
                       codes.data());
  return codes;
}

double level(const Codebook& book, std::size_t code) {
  return static_cast<double>(book.levels[code]);
}

/// Errors of one channel as floats, and what the rule allows to move.
class Channel {
 public:
  Channel(const Codebook& book, const float* weights, std::uint8_t* codes, std::size_t size)
      : book_(book), codes_(codes), moved_(size) {
    for (std::size_t i = 0; i < size; ++i) errors_.push_back(book.levels[codes[i]] - weights[i]);
  }

  void set_moved(std::size_t i) { moved_[i] = true; }
  template <typename Sum>
  [[nodiscard]] Sum sum(std::size_t first, std::size_t size) const {
    Sum sum = 0;
    for (std::size_t i = first; i < first + size; ++i) sum += errors_[i];
    return sum;
  }

  /// The move of weight i that lowers the |sum|; 0 when there is none.
  [[nodiscard]] float move_of(std::size_t i, double sum) const {
    const std::size_t code = codes_[i];
    if (moved_[i] || static_cast<double>(errors_[i]) * sum <= 0) return 0;
    if (sum > 0 ? code == 0 : code + 1 == book_.levels.size()) return 0;
    const float d = book_.levels[sum > 0 ? code - 1 : code + 1] - book_.levels[code];
    return std::fabs(d) < static_cast<float>(2 * std::fabs(sum)) ? d : 0;
  }

  /// The definition, in the plainest form: what a set's sum pulls at its weights is `pull`.
  template <typename Sum>
  void balance(std::size_t first, std::size_t size, float pull) {
    Sum rest = sum<Sum>(first, size);
    for (;;) {
      std::size_t best = first + size;
      float least = std::numeric_limits<float>::infinity();
      for (std::size_t i = first; i < first + size; ++i) {
        const float d = std::fabs(move_of(i, static_cast<double>(rest)));
        const float twice = 2 * std::fabs(errors_[i]);
        const float most = 2 * std::fabs(static_cast<float>(rest));
        if (d == 0 || d - twice >= least || d >= pull * most + (1 - pull) * twice) continue;
        least = d - twice;
        best = i;
      }
      if (best == first + size) return;
      const float d = move_of(best, static_cast<double>(rest));
      errors_[best] += d;
      rest += static_cast<Sum>(d);
      codes_[best] = static_cast<std::uint8_t>(d > 0 ? codes_[best] + 1 : codes_[best] - 1);
      moved_[best] = true;
    }
  }

 private:
  const Codebook& book_;
  std::uint8_t* codes_;
  std::vector<float> errors_;
  std::vector<bool> moved_;
};

/// A layer of channels that are rows.
struct Layer {
  std::size_t channels, inputs, positions;
  std::vector<float> weights;
  TensorSettings settings;

  [[nodiscard]] std::size_t width() const { return inputs * positions; }
};

Layer random_layer(unsigned seed) {
  std::mt19937_64 random(seed);
  const auto up_to = [&](double most) {
    return static_cast<std::size_t>(1 + most * uniform(random));
  };
  Layer layer{up_to(6),
              up_to(seed % 7 == 0 ? 300 : 12),
              seed % 3 == 0 ? 1 : up_to(seed % 11 == 0 ? 99 : 9),
              {},
              {}};
  layer.weights =
      make_layer(kShapes[seed % std::size(kShapes)], layer.channels * layer.width(), random);
  layer.settings.bits = 1 + static_cast<int>(seed / 8 % 8);
  layer.settings.mode = seed % 2 == 0 ? "exp" : "linear";
  layer.settings.rescale = seed % 5 == 0 ? Rescale::kMse : Rescale::kVariance;
  return layer;
}

Codes balanced_codes(const Layer& layer, const Codebook& book, BalanceTally& tally) {
  Codes codes = nearest_codes(layer.weights, book);
  Balancer balancer(book, layer.positions);
  for (std::size_t first = 0; first < codes.size(); first += layer.width()) {
    balancer.balance({layer.weights.data() + first, layer.width()}, codes.data() + first, nullptr,
                     tally);
  }
  return codes;
}

constexpr unsigned kLayers = 3000;

TEST(Balance, DoesWhatItsDefinitionSays) {
  constexpr float kPull = Balancer::kKernelWeight / (1 + Balancer::kKernelWeight);
  for (unsigned seed = 0; seed < kLayers; ++seed) {
    const Layer layer = random_layer(seed);
    const Codebook book = fit_codebook(layer.weights, layer.settings);
    BalanceTally tally;
    const Codes codes = balanced_codes(layer, book, tally);
    Codes expected = nearest_codes(layer.weights, book);
    for (std::size_t first = 0; first < codes.size(); first += layer.width()) {
      Channel channel(book, layer.weights.data() + first, expected.data() + first, layer.width());
      for (std::size_t at = 0; layer.positions > 1 && at < layer.width(); at += layer.positions) {
        if (layer.positions <= kMostSideBySide) {
          channel.balance<float>(at, layer.positions, kPull);
        } else {
          channel.balance<double>(at, layer.positions, kPull);
        }
      }
      channel.balance<double>(0, layer.width(), 1);
    }
    ASSERT_EQ(codes, expected) << "layer " << seed;
  }
}

TEST(Balance, MovesNoWeightFartherThanOneLevelAndLeavesNoMoveThatWouldHelp) {
  for (unsigned seed = 0; seed < kLayers; ++seed) {
    const Layer layer = random_layer(seed);
    const Codebook book = fit_codebook(layer.weights, layer.settings);
    BalanceTally tally;
    Codes codes = balanced_codes(layer, book, tally);
    const Codes nearest = nearest_codes(layer.weights, book);
    std::uint64_t moved = 0;
    for (std::size_t first = 0; first < codes.size(); first += layer.width()) {
      Channel channel(book, layer.weights.data() + first, codes.data() + first, layer.width());
      for (std::size_t i = 0; i < layer.width(); ++i) {
        ASSERT_LE(std::abs(codes[first + i] - nearest[first + i]), 1) << "layer " << seed;
        if (codes[first + i] == nearest[first + i]) continue;
        channel.set_moved(i);
        ++moved;
      }
      const auto sum = channel.sum<double>(0, layer.width());
      const double rounding = 1e-9 * level(book, book.levels.size() - 1);
      for (std::size_t i = 0; i < layer.width(); ++i) {
        const double d = channel.move_of(i, sum);
        ASSERT_TRUE(d == 0 || std::fabs(sum + d) > std::fabs(sum) - rounding) << "layer " << seed;
      }
    }
    ASSERT_EQ(moved, tally.moved);
  }
}

/// Element [o][i][p] of rows goes where the layout has it.
template <typename T>
std::vector<T> laid_out(const std::vector<T>& rows, const ChannelLayout& layout) {
  std::vector<T> out(rows.size());
  std::size_t at = 0;
  for (std::uint64_t o = 0; o < layout.channels; ++o) {
    for (std::uint64_t i = 0; i < layout.inputs; ++i) {
      for (std::uint64_t p = 0; p < layout.positions; ++p) {
        out[o * layout.channel_stride + i * layout.input_stride + p * layout.position_stride] =
            rows[at++];
      }
    }
  }
  return out;
}

Codes codes_of(const Outcome& outcome, std::size_t index) {
  const std::vector<std::byte>& packed =
      outcome.parts[index][static_cast<std::size_t>(Part::kCodes)];
  const TensorReport& report = outcome.report.tensors[index];
  Codes codes(report.info.count());
  kernels().unpack(reinterpret_cast<const std::uint8_t*>(packed.data()), packed.size(),
                   codes.size(), report.settings.bits, codes.data());
  return codes;
}

struct Form {
  std::string name;
  std::vector<std::uint64_t> shape;
  OutputAxis axis;
};

/// The first form has rows; all of them have the same codes.
void expect_same_codes(const std::vector<Form>& forms) {
  TestModel model;
  const ChannelLayout first = channel_layout(forms[0].shape, forms[0].axis);
  ASSERT_TRUE(first.has_rows());
  const std::vector<float> rows = gaussian_weights(first.channels * first.width(), 5);
  for (const Form& form : forms) {
    const ChannelLayout layout = channel_layout(form.shape, form.axis);
    model.add(form.name, form.shape, laid_out(rows, layout), form.axis);
  }
  for (const int bits : {1, 2, 3, 5}) {
    Settings settings;
    settings.tensor.bits = bits;
    const Outcome outcome = run(model, settings, 1);
    const Codes expected = codes_of(outcome, 0);
    EXPECT_GT(outcome.report.tensors[0].balance_figures.moved, 0U);
    for (std::size_t i = 0; i < forms.size(); ++i) {
      const ChannelLayout layout = channel_layout(forms[i].shape, forms[i].axis);
      EXPECT_EQ(codes_of(outcome, i), laid_out(expected, layout)) << forms[i].name;
      EXPECT_EQ(outcome.report.tensors[i].balance_figures.largest_sum_after,
                outcome.report.tensors[0].balance_figures.largest_sum_after);
    }
  }
}

TEST(Balance, GivesTheSameCodesInEveryLayout) {
  expect_same_codes({{"oihw", {20, 11, 3, 5}, {0}},
                     {"iohw", {11, 20, 3, 5}, {1}},
                     {"hwio", {3, 5, 11, 20}, {3, true}},
                     {"hwoi", {3, 5, 20, 11}, {2, true}}});
  expect_same_codes(
      {{"oi", {70, 130}, {0}}, {"io", {130, 70}, {1}}, {"keras", {130, 70}, {1, true}}});
  expect_same_codes(
      {{"oiw", {20, 11, 7}, {0}}, {"iow", {11, 20, 7}, {1}}, {"wio", {7, 11, 20}, {2}}});
  expect_same_codes({{"o1hw", {36, 1, 3, 3}, {0}},
                     {"hwo1", {3, 3, 36, 1}, {2, true}},
                     {"hwc2", {3, 3, 18, 2}, {2, true, true}}});
}

TEST(Balance, GivesTheSameForAnyNumberOfThreads) {
  TestModel model;
  const std::vector<float> weights = gaussian_weights(360'000, 1);
  model.add("rows", {500, 80, 3, 3}, weights, OutputAxis());
  model.add("small", {20, 80}, gaussian_weights(1600, 2), OutputAxis());
  model.add("columns", {3, 3, 500, 80}, weights, OutputAxis{3, true});
  model.add("odd", {7, 100'001}, gaussian_weights(700'007, 3), OutputAxis());
  for (const int bits : {3, 5}) {
    Settings settings;
    settings.tensor.bits = bits;
    const Outcome one = run(model, settings, 1);
    for (const unsigned threads : {2U, 7U}) {
      const Outcome other = run(model, settings, threads);
      expect_same(other, one);
      for (std::size_t i = 0; i < one.report.tensors.size(); ++i) {
        const BalanceFigures& a = one.report.tensors[i].balance_figures;
        const BalanceFigures& b = other.report.tensors[i].balance_figures;
        EXPECT_EQ(a.moved, b.moved);
        EXPECT_EQ(a.largest_sum_after, b.largest_sum_after);
      }
    }
  }
}

TEST(Balance, CostsLittleCorrelation) {
  struct Limit {
    int bits;
    double loss;
  };
  TestModel model;
  model.add("conv", {64, 64, 3, 3}, gaussian_weights(36'864, 1), OutputAxis());
  model.add("dense", {100, 400}, gaussian_weights(40'000, 2), OutputAxis());
  for (const auto [bits, loss] : {Limit{3, 0.003}, Limit{4, 0.001}}) {
    Settings settings;
    settings.tensor.bits = bits;
    for (const TensorReport& report : run(model, settings, 2).report.tensors) {
      const BalanceFigures& figures = report.balance_figures;
      EXPECT_LT(figures.rho_before - report.codebook.rho, loss) << report.info.name;
      EXPECT_LT(figures.largest_sum_after, 0.05 * figures.largest_sum_before) << report.info.name;
    }
  }
}

TEST(Balance, OffGivesTheCodesOfTheIntervals) {
  TestModel model;
  const std::vector<float> weights = gaussian_weights(9000, 1);
  model.add("conv", {10, 100, 3, 3}, weights, OutputAxis());
  Settings settings;
  settings.tensor.balance = Balance::kOff;
  const Outcome outcome = run(model, settings, 1);
  EXPECT_EQ(codes_of(outcome, 0), nearest_codes(weights, outcome.report.tensors[0].codebook));
  EXPECT_EQ(outcome.report.tensors[0].balance_figures.moved, 0U);
}

/// The plan of one tensor of that shape and axis.
BalancePlan plan_of(std::vector<std::uint64_t> shape, const std::string& items,
                    std::optional<OutputAxis> axis = OutputAxis()) {
  TestModel model;
  std::uint64_t count = 1;
  for (const std::uint64_t n : shape) count *= n;
  model.add("w", std::move(shape), std::vector<float>(count, 1.0F), axis);
  Settings settings;
  settings.all = true;
  if (!items.empty()) wquant::apply(settings.tensor, items);
  return make_plan(model, settings).tensors[0].balance;
}

TEST(BalancePlan, AutoTakesKernelsWhereThereAreSome) {
  EXPECT_EQ(plan_of({4, 3, 2, 2}, "").sets, Balance::kKernel);
  EXPECT_EQ(plan_of({4, 3, 2, 2}, "balance=channel").sets, Balance::kChannel);
  EXPECT_EQ(plan_of({4, 3, 2, 2}, "balance=off").sets, Balance::kOff);
  EXPECT_EQ(plan_of({4, 3, 1, 1}, "").sets, Balance::kChannel);
  EXPECT_EQ(plan_of({4, 3}, "balance=kernel").sets, Balance::kChannel);
}

TEST(BalancePlan, SaysWhyATensorIsLeftAlone) {
  EXPECT_EQ(plan_of({40}, "").reason, "less than 2 dimensions");
  EXPECT_EQ(plan_of({4, 3}, "", std::nullopt).reason, "unknown axis of the output channels");
  EXPECT_EQ(plan_of({4, 1}, "").reason, "output channels of one weight");
  EXPECT_EQ(plan_of({4, 3}, "balance=off").reason, "");
}

TEST(BalancePlan, PiecesOfRowsEndAtWholeBytesAndStaySmall) {
  for (const std::uint64_t width : {1U, 3U, 9U, 64U, 576U, 1001U, 262'144U, 300'001U}) {
    const std::uint64_t weights = piece_weights(channel_layout({1'000'000'000, width}, {0}));
    EXPECT_EQ(weights % width, 0U) << width;
    EXPECT_EQ(weights % 8, 0U) << width;
    EXPECT_LE(weights, std::max(2 * kSlab, 8 * width)) << width;
  }
  EXPECT_EQ(piece_weights(channel_layout({10, 9}, {0})), 90U);
  EXPECT_EQ(piece_weights(channel_layout({10'000, 3'000}, {1})), 30'000'000U);
}

TEST(BalancePlan, AnAxisOfTheSettingsComesFirst) {
  EXPECT_EQ(plan_of({4, 3}, "axis=1").layout.channels, 3U);
  EXPECT_EQ(plan_of({4, 3}, "axis=1", std::nullopt).layout.channels, 3U);
  EXPECT_EQ(plan_of({3, 3, 8, 16}, "axis=3").layout, (ChannelLayout{16, 8, 9, 1, 16, 128}));
  for (const auto& [items, problem] :
       {std::pair("axis=2", "axis 2 is one of positions"), std::pair("axis=5", "axis 5 is none")}) {
    try {
      plan_of({2, 2, 2, 2, 2}, items);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      EXPECT_THAT(error.what(), HasSubstr(problem));
    }
  }
}

}  // namespace
}  // namespace wquant
