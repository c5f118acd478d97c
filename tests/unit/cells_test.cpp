#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "quant/cell_layout.h"
#include "quant/cell_scales.h"
#include "unit/decoded.h"
#include "unit/engine_support.h"
#include "unit/layers.h"
#include "wquant/codebook.h"
#include "wquant/error.h"
#include "wquant/quantize.h"

namespace wquant {
namespace {

using testing::HasSubstr;
using testing_engine::decoded;
using testing_engine::Outcome;
using testing_engine::run;
using testing_engine::TestModel;
using testing_layers::correlation;
using testing_layers::gaussian;

Settings settings_of(const std::string& items) {
  Settings settings;
  wquant::apply(settings.tensor, "balance=off," + items);
  return settings;
}

/// Weights in C order whose spread differs from channel to channel by up to 100 times.
std::vector<float> uneven(std::uint64_t count, std::uint64_t channel_run, std::uint64_t channels,
                          unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<float> weights(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto channel = static_cast<double>(i / channel_run % channels);
    const double sigma = 0.001 * std::pow(100, channel / static_cast<double>(channels));
    weights[i] = static_cast<float>(sigma * gaussian(random));
  }
  return weights;
}

double relative_error(const std::vector<float>& weights, const std::vector<double>& values) {
  double error = 0;
  double power = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double w = weights[i];
    error += (w - values[i]) * (w - values[i]);
    power += w * w;
  }
  return error / power;
}

struct LayoutCase {
  const char* name;
  std::vector<std::uint64_t> shape;
  OutputAxis axis;
  std::uint64_t run, cells;
};

class CellLayout : public testing::TestWithParam<LayoutCase> {};

TEST_P(CellLayout, OfChannelsFollowsTheFormat) {
  const LayoutCase& c = GetParam();
  TestModel model;
  std::uint64_t count = 1;
  for (const std::uint64_t extent : c.shape) count *= extent;
  model.add("w", c.shape, std::vector<float>(count), c.axis);
  const CellPlan plan = plan_cells(model, 0, settings_of("granularity=channel").tensor);
  EXPECT_EQ(plan.run, c.run);
  EXPECT_EQ(plan.cells, c.cells);
  EXPECT_EQ(plan.axis, c.axis.axis);
}

INSTANTIATE_TEST_SUITE_P(
    All, CellLayout,
    testing::Values(LayoutCase{"Oihw", {8, 3, 5, 5}, {0, false, false}, 75, 8},
                    LayoutCase{"Hwio", {5, 5, 3, 8}, {3, true, false}, 1, 8},
                    LayoutCase{"Depthwise", {3, 3, 4, 2}, {2, true, true}, 1, 8},
                    LayoutCase{"DenseRows", {7, 9}, {0, false, false}, 9, 7},
                    LayoutCase{"DenseColumns", {7, 9}, {1, true, false}, 1, 9},
                    LayoutCase{"Transposed", {4, 6, 3, 3}, {1, false, false}, 9, 6}),
    [](const auto& suite) { return std::string(suite.param.name); });

TEST(CellLayout, SaysWhyThereAreNoScales) {
  TestModel model;
  model.add("vector", {9}, std::vector<float>(9), OutputAxis());
  model.add("unknown", {3, 3}, std::vector<float>(9), std::nullopt);
  model.add("single", {9, 1}, std::vector<float>(9), OutputAxis());
  const TensorSettings settings = settings_of("granularity=channel").tensor;
  EXPECT_EQ(plan_cells(model, 0, settings).reason, "less than 2 dimensions");
  EXPECT_EQ(plan_cells(model, 1, settings).reason, "unknown axis of the output channels");
  EXPECT_EQ(plan_cells(model, 2, settings).reason, "output channels of one weight");
  EXPECT_FALSE(plan_cells(model, 0, settings).has_scales());
}

TEST(CellLayout, LastGroupMayBeShort) {
  TestModel model;
  model.add("w", {5, 7}, std::vector<float>(35), OutputAxis());
  const CellPlan plan = plan_cells(model, 0, settings_of("granularity=group:8").tensor);
  EXPECT_EQ(plan.cells, 5U);
  EXPECT_EQ(plan_cells(model, 0, settings_of("granularity=group:64").tensor).run, 35U);
}

/// A model of all layouts, small and of several slabs.
std::unique_ptr<TestModel> mixed_model() {
  auto model = std::make_unique<TestModel>();
  model->add("rows", {40, 9, 3, 3}, uneven(3240, 81, 40, 1), OutputAxis{0, false, false});
  model->add("inside", {3, 3, 9, 40}, uneven(3240, 1, 40, 2), OutputAxis{3, true, false});
  model->add("between", {6, 40, 3, 3}, uneven(2160, 9, 40, 3), OutputAxis{1, false, false});
  model->add("many_rows", {2000, 301}, uneven(602000, 301, 2000, 4), OutputAxis());
  model->add("many_columns", {301, 2000}, uneven(602000, 1, 2000, 5), OutputAxis{1, true, false});
  model->add("long_rows", {3, 200001}, uneven(600003, 200001, 3, 6), OutputAxis());
  model->add("odd", {1, 77}, uneven(77, 8, 10, 7), OutputAxis());
  return model;
}

class CellQuantizer : public testing::TestWithParam<std::string> {};

TEST_P(CellQuantizer, ReportsWhatItWrote) {
  const auto model = mixed_model();
  const Outcome outcome = run(*model, settings_of(GetParam()), 2);
  for (std::size_t i = 0; i < model->tensors().size(); ++i) {
    const TensorReport& report = outcome.report.tensors[i];
    std::vector<float> weights(report.info.count());
    model->read_floats(i, 0, weights);
    const std::vector<double> values = decoded(outcome, i);
    SCOPED_TRACE(report.info.name);
    const double rho = correlation(weights, values);
    EXPECT_NEAR(report.codebook.rho, rho, 1e-3 * (1 - rho) + 1e-9);
    double largest = 0;
    double mean = 0;
    double variance = 0;
    double became_mean = 0;
    double became = 0;
    const auto n = static_cast<double>(weights.size());
    for (std::size_t k = 0; k < weights.size(); ++k) {
      largest = std::max(largest, std::fabs(static_cast<double>(weights[k]) - values[k]));
      mean += static_cast<double>(weights[k]) / n;
      became_mean += values[k] / n;
    }
    for (std::size_t k = 0; k < weights.size(); ++k) {
      variance += std::pow(static_cast<double>(weights[k]) - mean, 2) / n;
      became += std::pow(values[k] - became_mean, 2) / n;
    }
    EXPECT_NEAR(became / variance, 1, 2e-6);
    EXPECT_GE(report.max_error, largest * (1 - 1e-6));
    EXPECT_LE(report.max_error, largest * 1.5);
    EXPECT_TRUE(std::isnan(report.codebook.gap));
  }
}

TEST_P(CellQuantizer, GivesTheSameForAnyNumberOfThreads) {
  const auto model = mixed_model();
  const Settings settings = settings_of(GetParam());
  const Outcome one = run(*model, settings, 1);
  for (const unsigned threads : {2U, 3U, 7U}) {
    const Outcome other = run(*model, settings, threads);
    ASSERT_TRUE(one.parts == other.parts);
    EXPECT_EQ(one.report.tensors[3].codebook.rho, other.report.tensors[3].codebook.rho);
  }
}

INSTANTIATE_TEST_SUITE_P(All, CellQuantizer,
                         testing::Values("bits=3,granularity=channel", "bits=6,granularity=channel",
                                         "bits=2,granularity=group:32",
                                         "bits=8,granularity=group:100",
                                         "mode=kmeans,bits=4,granularity=group:64",
                                         "mode=linear,bits=1,granularity=channel"),
                         [](const auto& suite) {
                           std::string name = suite.param;
                           std::erase_if(name, [](char c) { return std::isalnum(c) == 0; });
                           return name;
                         });

TEST(Cells, ScalesLowerTheErrorOfUnevenChannels) {
  TestModel model;
  model.add("w", {64, 300}, uneven(19200, 300, 64, 9), OutputAxis());
  std::vector<double> errors;
  for (const char* granularity : {"tensor", "channel", "group:50"}) {
    const Outcome outcome =
        run(model, settings_of(std::string("bits=4,rescale=mse,granularity=") + granularity), 1);
    errors.push_back(outcome.report.tensors[0].relative_error);
  }
  EXPECT_LT(errors[1], 0.75 * errors[0]);
  EXPECT_LT(errors[2], errors[1]);
}

TEST(Cells, ZerosStayZeros) {
  TestModel model;
  std::vector<float> weights(512, 0.0F);
  for (std::size_t i = 64; i < 128; ++i) weights[i] = i % 2 == 0 ? 0.25F : -0.75F;
  model.add("w", {8, 64}, weights, OutputAxis());
  model.add("zeros", {8, 64}, std::vector<float>(512), OutputAxis());
  for (const char* granularity : {"channel", "group:64"}) {
    const Outcome outcome =
        run(model, settings_of(std::string("bits=3,granularity=") + granularity), 1);
    const std::vector<double> values = decoded(outcome, 0);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      ASSERT_NEAR(values[i], static_cast<double>(weights[i]), 1e-6) << i;
    }
    for (const double value : decoded(outcome, 1)) ASSERT_EQ(value, 0);
  }
}

/// Far larger weights than any of the sampled cells has: their scales would overflow.
TEST(Cells, GroupsThatNoSampleToldAreKeptWell) {
  constexpr std::size_t kCount = std::size_t{3} << 20;
  std::vector<float> weights(kCount);
  std::mt19937_64 random(3);
  for (float& w : weights) w = static_cast<float>(0.01 * gaussian(random));
  for (std::size_t i = kCount - 640; i < kCount - 576; ++i) weights[i] *= 1e8F;
  TestModel model;
  model.add("w", weights);
  const Outcome outcome = run(model, settings_of("bits=4,rescale=none,granularity=group:64"), 2);
  EXPECT_LT(relative_error(weights, decoded(outcome, 0)), 0.02);
}

TEST(Cells, InfinityAndNanAreRefusedWhereverTheyLie) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{1} << 20, (std::size_t{3} << 20) - 1}) {
    std::vector<float> weights(std::size_t{3} << 20, 0.5F);
    weights[at] = std::numeric_limits<float>::quiet_NaN();
    TestModel model;
    model.add("w", weights);
    try {
      run(model, settings_of("granularity=group:64"), 1);
      ADD_FAILURE() << "no error for " << at;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("holds 1 NaN or infinite values"));
    }
  }
}

/// The codes of a tensor as they were written.
std::vector<int> codes_of(const Outcome& outcome, std::size_t i) {
  const std::vector<std::byte>& packed = outcome.parts[i][static_cast<std::size_t>(Part::kCodes)];
  const TensorReport& report = outcome.report.tensors[i];
  const auto bits = static_cast<std::size_t>(report.settings.bits);
  std::vector<int> codes(report.info.count());
  for (std::size_t k = 0; k < codes.size() * bits; ++k) {
    const auto byte = std::to_integer<unsigned>(packed[k / 8]);
    codes[k / bits] |= static_cast<int>((byte >> k % 8 & 1U) << k % bits);
  }
  return codes;
}

TEST_P(CellQuantizer, BalancedCodesStayBesideTheNearestAndLowerTheSums) {
  const auto model = mixed_model();
  Settings settings = settings_of(GetParam());
  const Outcome nearest = run(*model, settings, 2);
  settings.tensor.balance = Balance::kAuto;
  const Outcome balanced = run(*model, settings, 2);
  for (std::size_t i = 0; i < model->tensors().size(); ++i) {
    const TensorReport& report = balanced.report.tensors[i];
    SCOPED_TRACE(report.info.name);
    ASSERT_NE(report.balance.sets, Balance::kOff);
    const std::vector<int> before = codes_of(nearest, i);
    const std::vector<int> after = codes_of(balanced, i);
    std::uint64_t moved = 0;
    for (std::size_t k = 0; k < before.size(); ++k) {
      ASSERT_LE(std::abs(before[k] - after[k]), 1) << k;
      moved += before[k] == after[k] ? 0 : 1;
    }
    EXPECT_EQ(moved, report.balance_figures.moved);
    EXPECT_LE(report.balance_figures.largest_sum_after, report.balance_figures.largest_sum_before);
    EXPECT_EQ(nearest.parts[i][static_cast<std::size_t>(Part::kScales)],
              balanced.parts[i][static_cast<std::size_t>(Part::kScales)]);
    std::vector<float> weights(report.info.count());
    model->read_floats(i, 0, weights);
    const double rho = correlation(weights, decoded(balanced, i));
    EXPECT_NEAR(report.codebook.rho, rho, 1e-3 * (1 - rho) + 1e-9);
    EXPECT_EQ(report.balance_figures.rho_before, nearest.report.tensors[i].codebook.rho);
  }
}

/// What the best of many scales explains of the cell's sum of squares.
double best_explained(const std::vector<float>& cell, const Codebook& book, double around) {
  double best = 0;
  for (int i = 1; i <= 2000; ++i) {
    const float scale = static_cast<float>(around * i / 500);
    double products = 0;
    double squares = 0;
    for (const float w : cell) {
      std::size_t code = 0;
      while (code < book.thresholds.size() && book.thresholds[code] <= w / scale) ++code;
      const double level = book.levels[code];
      products += static_cast<double>(w) * level;
      squares += level * level;
    }
    if (squares > 0) best = std::max(best, products * products / squares);
  }
  return best;
}

TEST(ScaleFinder, ComesNearTheBestScale) {
  std::mt19937_64 random(17);
  std::vector<float> units(4000);
  for (float& u : units) u = static_cast<float>(0.4 * gaussian(random));
  TensorSettings settings;
  for (const int bits : {2, 3, 4, 6}) {
    settings.bits = bits;
    CellCodebook codebook;
    codebook.book = fit_codebook(units, settings);
    const ScaleFinder finder(codebook, units.size(), units.size() / 40);
    double errors = 0;
    double least = 0;
    for (int round = 0; round < 60; ++round) {
      std::vector<float> cell(40);
      double power = 0;
      for (float& w : cell) {
        w = static_cast<float>(0.01 * gaussian(random));
        power += static_cast<double>(w) * static_cast<double>(w);
      }
      const CellScale found = finder.find({cell.data(), cell.size()});
      errors += power - static_cast<double>(found.explained);
      least += power - best_explained(cell, codebook.book, static_cast<double>(found.scale));
    }
    EXPECT_LT(errors, (bits > 4 ? 1.4 : 1.1) * least) << bits;
  }
}

/// Of a tensor whose rows have weights far out, as those of many layers do, with scales of rows.
double error_of_rows(std::uint64_t rows, std::uint64_t width, int bits) {
  std::mt19937_64 random(23);
  std::student_t_distribution<double> student(4);
  std::vector<float> weights(rows * width);
  for (float& w : weights) w = static_cast<float>(0.02 * student(random));
  TestModel model;
  model.add("rows", {rows, width}, weights, OutputAxis{0});
  const Settings settings =
      settings_of("granularity=channel,mode=exp,bits=" + std::to_string(bits));
  return run(model, settings, 2).report.tensors[0].relative_error;
}

TEST(LargeTensor, ComesAsNearWithFewScalesTriedAsASmallOne) {
  // 2^22 weights are many, half as many are not.
  constexpr std::uint64_t kMany = std::uint64_t{1} << 22;
  for (const std::uint64_t width : {128U, 8192U}) {
    for (const int bits : {3, 8}) {
      const double large = error_of_rows(kMany / width, width, bits);
      const double small = error_of_rows(kMany / width / 2, width, bits);
      EXPECT_LT(large, 1.15 * small) << bits << " bits, rows of " << width;
    }
  }
}

TEST(CellSettings, AreUnderstoodOrRefused) {
  EXPECT_EQ(granularity_text(settings_of("granularity=group:64").tensor), "group:64");
  EXPECT_EQ(settings_of("granularity=channel:1").tensor.axis, std::size_t{1});
  const auto error = [](const std::string& items) {
    try {
      const Settings settings = settings_of(items);
      check(settings.tensor);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("(no error)");
  };
  EXPECT_THAT(error("granularity=row"), HasSubstr("unknown granularity \"row\""));
  EXPECT_THAT(error("granularity=group"), HasSubstr("group size \"\""));
  EXPECT_THAT(error("granularity=group:1"), HasSubstr("from 2 to"));
  EXPECT_THAT(error("granularity=group:x"), HasSubstr("group:64"));
  EXPECT_THAT(error("granularity=tensor:2"), HasSubstr("takes nothing after tensor"));
  EXPECT_THAT(error("granularity=channel:x"), HasSubstr("axis \"x\""));
  EXPECT_THAT(error("search=exact,granularity=channel"),
              HasSubstr("search exact is not for granularity channel"));
}

}  // namespace
}  // namespace wquant
