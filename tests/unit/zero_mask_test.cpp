#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "coding/zero_mask.h"
#include "quant/mask_packer.h"
#include "unit/decoded.h"
#include "unit/engine_support.h"
#include "unit/layers.h"
#include "unit/pruned.h"
#include "wquant/budget.h"
#include "wquant/codebook.h"
#include "wquant/compare.h"
#include "wquant/error.h"
#include "wquant/quantize.h"

namespace wquant {
namespace {

using namespace testing_layers;
using testing_engine::decoded;
using testing_engine::Outcome;
using testing_engine::part_of;
using testing_engine::run;
using testing_engine::TestModel;

Settings settings_of(const std::string& items) {
  Settings settings;
  wquant::apply(settings.tensor, items);
  return settings;
}

/// A layer of heavy tails with a share of its smallest weights, or of any, 0.
std::vector<float> pruned_layer(std::size_t size, double share, bool smallest, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<float> layer = make_layer(Shape::kHeavyTail, size, random);
  prune(layer, share, smallest, random);
  return layer;
}

std::size_t count_zeros(const std::vector<double>& values) {
  return static_cast<std::size_t>(std::ranges::count(values, 0.0));
}

bool has_mask(const Outcome& outcome, std::size_t i = 0) {
  return outcome.report.tensors[i].codebook.masked_code.has_value();
}

/// Random bits, as a mask and one by one.
struct Bits {
  std::vector<std::uint8_t> mask;
  std::vector<bool> all;

  Bits(std::size_t count, double share, unsigned seed) : mask((count + 7) / 8) {
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(uniform(random) < share);
      if (all.back()) mask[i / 8] |= static_cast<std::uint8_t>(1U << i % 8);
    }
  }
};

TEST(ZeroMask, KnowsHowManyOnesComeBefore) {
  for (const std::size_t count : {1U, 7U, 8U, 65U, 131'072U, 131'073U, 400'000U}) {
    const Bits bits(count, 0.3, static_cast<unsigned>(count));
    const ZeroMask mask(bits.mask, count);
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (i < 100 || i % 997 == 0 || count - i < 20) {
        ASSERT_EQ(mask.ones_before(i), before) << count << ' ' << i;
      }
      before += bits.all[i] ? 1 : 0;
    }
    EXPECT_EQ(mask.ones_before(count), before);
    EXPECT_EQ(mask.ones(), before);
  }
}

TEST(ZeroMask, SpreadsValues) {
  const Bits bits(1000, 0.4, 5);
  const ZeroMask mask(bits.mask, 1000);
  for (const std::size_t first : {0U, 1U, 8U, 333U, 999U}) {
    std::vector<float> values;
    for (std::size_t i = 0; i <= 1000; ++i) values.push_back(static_cast<float>(i + 1));
    std::vector<float> out(1000 - first, -1);
    mask.spread(first, values, out);
    float next = 1;
    for (std::size_t i = first; i < 1000; ++i) {
      ASSERT_EQ(out[i - first], bits.all[i] ? next : 0.0F) << i;
      next += bits.all[i] ? 1.0F : 0.0F;
    }
  }
}

TEST(ZeroMask, RefusesBitsBeyondTheLastWeight) {
  const std::vector<std::uint8_t> mask = {0xff, 0x08};
  EXPECT_NO_THROW(ZeroMask(mask, 12));
  EXPECT_THROW(ZeroMask(mask, 11), Error);
}

TEST(MaskPacker, PacksTheSameHoweverCodesCome) {
  std::mt19937_64 random(6);
  for (const int bits : {2, 3, 5, 8}) {
    const std::uint8_t zero = static_cast<std::uint8_t>(1U << (bits - 1));
    std::vector<std::uint8_t> codes;
    for (int i = 0; i < 3001; ++i) {
      const auto other = static_cast<std::uint8_t>(random() % (bits == 8 ? 256 : (1U << bits) + 1));
      codes.push_back(uniform(random) < 0.5 ? zero : other);
    }
    std::vector<std::uint8_t> mask, packed;
    for (const std::size_t step : {8U, 64U, 1000U, 3008U}) {
      MaskPacker packer(zero, bits);
      std::vector<std::uint8_t> here, packed_here;
      for (std::size_t first = 0; first < codes.size(); first += step) {
        const auto all = std::span<const std::uint8_t>(codes);
        packer.add(all.subspan(first, std::min(step, codes.size() - first)), here, packed_here);
      }
      packer.finish(packed_here);
      if (mask.empty()) mask = here, packed = packed_here;
      ASSERT_EQ(here, mask) << bits << ' ' << step;
      ASSERT_EQ(packed_here, packed) << bits << ' ' << step;
    }
    std::size_t others = 0;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      ASSERT_EQ(mask[i / 8] >> i % 8 & 1, codes[i] == zero ? 0 : 1);
      if (codes[i] == zero) continue;
      unsigned code = 0;
      for (int j = 0; j < bits; ++j) {
        const std::size_t bit =
            others * static_cast<std::size_t>(bits) + static_cast<std::size_t>(j);
        code |= static_cast<unsigned>(packed[bit / 8] >> bit % 8 & 1) << j;
      }
      ASSERT_EQ(code, codes[i] > zero ? codes[i] - 1U : codes[i]);
      ++others;
    }
    EXPECT_EQ(packed.size(), packed_size(others, bits));
  }
}

/// Whatever else is asked for, from 2 bits on.
TEST(PrunedTensors, KeepTheirZeros) {
  const std::vector<float> small = pruned_layer(std::size_t{24} * 9, 0.5, false, 1);
  const std::vector<float> large = pruned_layer(std::size_t{96} * 32 * 25, 0.6, true, 2);
  const std::vector<float> few = pruned_layer(std::size_t{64} * 48, 0.2, false, 3);
  TestModel model;
  model.add("small", {24, 9}, small, OutputAxis());
  model.add("large", {96, 32, 5, 5}, large, OutputAxis());
  model.add("few", {64, 48}, few, OutputAxis{1});
  const std::vector<std::string> kinds = {"bits=2",
                                          "bits=3",
                                          "bits=4",
                                          "bits=5",
                                          "bits=6",
                                          "bits=7",
                                          "bits=8",
                                          "bits=3,mode=linear",
                                          "bits=4,mode=kmeans",
                                          "bits=8,mode=kmeans",
                                          "mode=ternary",
                                          "bits=2,mode=pow2",
                                          "bits=4,mode=pow2",
                                          "bits=8,mode=pow2",
                                          "bits=3,mode=fixed",
                                          "bits=8,mode=fixed",
                                          "bits=2,coding=entropy",
                                          "bits=4,coding=entropy",
                                          "bits=4,rescale=mse",
                                          "bits=4,values=midpoint"};
  for (const std::string& kind : kinds) {
    for (const char* granularity : {"tensor", "channel", "group:50"}) {
      for (const char* balance : {"off", "auto", "channel"}) {
        const std::string items = kind + ",granularity=" + granularity + ",balance=" + balance;
        const Outcome outcome = run(model, settings_of(items), 2);
        ASSERT_TRUE(zeros_stay(small, decoded(outcome, 0))) << items;
        ASSERT_TRUE(zeros_stay(large, decoded(outcome, 1))) << items;
        ASSERT_TRUE(zeros_stay(few, decoded(outcome, 2))) << items;
      }
    }
  }
}

TEST(PrunedTensors, GetAMaskWhereThatIsSmaller) {
  for (int bits = 2; bits <= 8; ++bits) {
    constexpr std::size_t kCount = 8000;
    const std::size_t least = kCount / static_cast<std::size_t>(bits);
    for (const std::size_t zeros : {least - 10, least + 10}) {
      std::vector<float> layer = pruned_layer(kCount, 0, false, 7);
      for (float& w : layer) w += std::copysign(0.5F, w);
      std::fill_n(layer.begin(), zeros, 0.0F);
      TestModel model;
      model.add("w", layer);
      Settings settings = settings_of("balance=off,zero=keep");
      settings.tensor.bits = bits;
      const Outcome outcome = run(model, settings, 1);
      EXPECT_EQ(has_mask(outcome), zeros > least) << bits;
      const std::uint64_t packed = packed_size(kCount, bits);
      const std::uint64_t masked =
          kCount / 8 + packed_size(kCount - count_zeros(decoded(outcome, 0)), bits);
      const std::uint64_t levels = sizeof(float) << bits;
      EXPECT_EQ(outcome.report.tensors[0].bytes, levels + (zeros > least ? masked : packed));
      EXPECT_EQ(part_of(outcome, 0, Part::kCodes).size(), zeros > least ? masked : packed);
      settings.tensor.zero = Zero::kOff;
      EXPECT_FALSE(has_mask(run(model, settings, 1)));
    }
  }
}

/// A file that knows no mask has the level.
TEST(PrunedTensors, GetALevelWhereThereIsNoMask) {
  const std::vector<float> layer = pruned_layer(5000, 0.6, true, 8);
  TestModel model;
  model.add("w", layer);
  const Settings settings = settings_of("bits=3,mode=kmeans,balance=off");
  Plan plan = make_plan(model, settings);
  plan.tensors[0].takes_mask = false;
  testing_engine::MemorySink sink(plan);
  const Report report = quantize(model, plan, sink);
  const Outcome level = {report, sink.parts()};
  const Outcome mask = run(model, settings, 1);
  EXPECT_FALSE(has_mask(level));
  EXPECT_TRUE(has_mask(mask));
  EXPECT_TRUE(zeros_stay(layer, decoded(level, 0)));
  EXPECT_LT(mask.report.tensors[0].bytes, level.report.tensors[0].bytes);
  // It has one level more.
  EXPECT_GT(mask.report.tensors[0].codebook.rho, level.report.tensors[0].codebook.rho);
}

struct Figures {
  long double rho = 0, relative_error = 0, largest = 0, variances = 0;
};

/// Of all weights, zeros among them.
Figures figures_of(const std::vector<float>& w, const std::vector<double>& q) {
  const auto n = static_cast<long double>(w.size());
  long double mean_w = 0, mean_q = 0, ww = 0, qq = 0, wq = 0, error = 0;
  Figures figures;
  for (std::size_t i = 0; i < w.size(); ++i) {
    mean_w += w[i] / n;
    mean_q += q[i] / n;
  }
  for (std::size_t i = 0; i < w.size(); ++i) {
    const long double dw = w[i] - mean_w, dq = q[i] - mean_q,
                      e = q[i] - static_cast<long double>(w[i]);
    ww += dw * dw / n;
    qq += dq * dq / n;
    wq += dw * dq / n;
    error += e * e / n;
    figures.largest = std::max(figures.largest, std::fabs(e));
  }
  figures.rho = wq / std::sqrt(ww * qq);
  figures.relative_error = error / ww;
  figures.variances = qq / ww;
  return figures;
}

TEST(PrunedTensors, HaveTheFiguresOfWhatWasWritten) {
  unsigned seed = 20;
  for (const std::size_t size : {300U, 20'000U, 200'000U, 700'000U}) {
    for (const double share : {0.3, 0.6, 0.95}) {
      std::vector<float> layer = pruned_layer(size / 100 * 100, share, seed % 2 == 0, seed);
      ++seed;
      // A mean that matters.
      for (float& w : layer) w = w > 0 ? 1.5F * w : w;
      TestModel model;
      model.add("w", {100, layer.size() / 100}, layer, OutputAxis());
      for (const char* items : {"bits=4,balance=off", "bits=3", "bits=6,mode=kmeans",
                                "bits=8,balance=off", "bits=4,coding=entropy"}) {
        const Outcome outcome = run(model, settings_of(items), 2);
        SCOPED_TRACE(std::string(items) + ' ' + std::to_string(size) + ' ' + std::to_string(share));
        const TensorReport& report = outcome.report.tensors[0];
        const Figures figures = figures_of(layer, decoded(outcome, 0));
        EXPECT_NEAR(report.codebook.rho, static_cast<double>(figures.rho), 1e-7);
        EXPECT_NEAR(report.relative_error, static_cast<double>(figures.relative_error), 2e-6);
        EXPECT_GE(report.max_error, static_cast<double>(figures.largest) * (1 - 1e-6));
        // Less than the width of a bin above it.
        const double bin = static_cast<double>(std::fabs(*std::ranges::max_element(
                               layer, {}, [](float w) { return std::fabs(w); }))) /
                           256;
        EXPECT_LE(report.max_error, static_cast<double>(figures.largest) + bin);
        if (report.balance_figures.moved == 0) {
          EXPECT_NEAR(static_cast<double>(figures.variances), 1, 1e-5);
        }
        EXPECT_LE(report.codebook.rho, 1);
        EXPECT_FALSE(report.codebook.gap < 0);
      }
    }
  }
}

TEST(PrunedTensors, DoNotDependOnThreads) {
  TestModel model;
  const std::vector<float> layer = pruned_layer(std::size_t{1200} * 1000, 0.6, true, 40);
  model.add("large", {1200, 1000}, layer, OutputAxis());
  model.add("small", {10, 50}, pruned_layer(500, 0.5, false, 41), OutputAxis());
  model.add("columns", {1000, 300}, pruned_layer(300'000, 0.7, false, 42), OutputAxis{1});
  for (const char* items : {"bits=4", "bits=4,balance=off", "bits=8,mode=kmeans",
                            "bits=3,granularity=channel", "bits=4,granularity=group:64"}) {
    SCOPED_TRACE(items);
    const Outcome one = run(model, settings_of(items), 1);
    const Outcome five = run(model, settings_of(items), 5);
    EXPECT_TRUE(has_mask(one));
    EXPECT_TRUE(one.parts == five.parts);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(one.report.tensors[i].codebook.rho, five.report.tensors[i].codebook.rho);
      EXPECT_EQ(one.report.tensors[i].bytes, five.report.tensors[i].bytes);
    }
  }
}

/// Whatever mean the others have: the search minds that 0 stays 0.
TEST(PrunedTensors, LoseNothingOfTwoValues) {
  std::vector<float> layer(1000, 0.0F);
  for (std::size_t i = 0; i < 300; ++i) layer[3 * i] = i % 2 == 0 ? 0.25F : -0.75F;
  TestModel model;
  model.add("w", layer);
  for (const char* items : {"bits=3", "bits=2", "bits=3,mode=kmeans", "bits=2,mode=linear"}) {
    const Outcome outcome = run(model, settings_of(items), 1);
    EXPECT_TRUE(has_mask(outcome));
    const std::vector<double> values = decoded(outcome, 0);
    for (std::size_t i = 0; i < layer.size(); ++i) ASSERT_NEAR(values[i], double{layer[i]}, 1e-6);
  }
}

/// Far more than a sample sees, and the first zeros beyond it.
TEST(PrunedTensors, KeepZerosThatNoSampleHas) {
  constexpr std::size_t kCount = std::size_t{3} << 20;
  std::vector<float> layer = pruned_layer(kCount, 0, false, 50);
  for (std::size_t i = kCount - 70; i < kCount - 60; ++i) layer[i] = 0;
  TestModel model;
  model.add("w", layer);
  for (const char* items : {"bits=4,zero=keep,granularity=group:64", "bits=4,zero=keep",
                            "bits=3,zero=keep,coding=entropy,granularity=group:64"}) {
    EXPECT_TRUE(zeros_stay(layer, decoded(run(model, settings_of(items), 2), 0))) << items;
  }
}

/// What a plan for a size counts with.
TEST(PrunedTensors, HaveTheSizeThatSurveysForesee) {
  TestModel model;
  model.add("w", {100, 400}, pruned_layer(40'000, 0.6, true, 60), OutputAxis());
  for (const char* granularity : {"tensor", "group:100"}) {
    const Settings settings = settings_of(std::string("balance=off,granularity=") + granularity);
    const Plan plan = make_plan(model, settings);
    const std::vector<Ladder> ladders = survey(model, std::vector{plan}, LevelDtypes::kF32);
    for (const Choice& choice : ladders[0]) {
      Settings wide = settings;
      wide.tensor.bits = choice.bits;
      const TensorReport report = run(model, wide, 1).report.tensors[0];
      EXPECT_EQ(choice.estimated, report.codebook.masked_code.has_value()) << choice.bits;
      const auto written = static_cast<double>(report.bytes);
      EXPECT_NEAR(static_cast<double>(choice.bytes), written, 0.04 * written) << choice.bits;
      const Plan one = make_plan(model, wide);
      const Comparison compared = compare(model, std::vector{one});
      EXPECT_NEAR(static_cast<double>(compared.settings[0].tensors[0].bytes), written,
                  0.04 * written);
      EXPECT_EQ(compared.settings[0].file_bytes_known, !choice.estimated);
    }
  }
}

}  // namespace
}  // namespace wquant
