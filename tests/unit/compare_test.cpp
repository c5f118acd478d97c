#include "wquant/compare.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "unit/engine_support.h"
#include "unit/layers.h"

namespace wquant {
namespace {

using testing_engine::TestModel;
using testing_layers::make_layer;
using testing_layers::Shape;

/// Tensors that are sorted, binned, and read in several slabs.
class SampleModel : public TestModel {
 public:
  SampleModel() {
    std::mt19937_64 random(21);
    add("sorted", make_layer(Shape::kHeavyTail, 3000, random));
    add_kept("bias", 100);
    add("ties", make_layer(Shape::kTies, 500, random));
    add("binned", make_layer(Shape::kOutlier, 50'000, random));
    add("slabs", make_layer(Shape::kOneSign, 600'000, random));
  }
};

Settings settings_of(const std::string& items) {
  Settings settings;
  wquant::apply(settings.tensor, "balance=off");
  wquant::apply(settings.tensor, items);
  return settings;
}

std::vector<Plan> plans_of(const ModelReader& model, const std::vector<std::string>& all) {
  std::vector<Plan> plans;
  plans.reserve(all.size());
  for (const std::string& items : all) plans.push_back(make_plan(model, settings_of(items)));
  return plans;
}

class Nothing : public PartSink {
 public:
  void write(std::size_t, Part, std::uint64_t, std::span<const std::byte>) override {}
};

Report report_of(const ModelReader& model, const std::string& items) {
  Nothing sink;
  return quantize(model, make_plan(model, settings_of(items)), sink);
}

/// Tensors of the model that are quantized.
constexpr std::size_t kQuantized[] = {0, 2, 3, 4};

TEST(Compare, FiguresAreThoseOfQuantizing) {
  const SampleModel model;
  const std::vector<std::string> all = {
      "bits=2,mode=linear", "bits=3,mode=kmeans", "bits=4",
      "mode=ternary",       "bits=3,rescale=mse", "bits=5,zero=keep"};
  const Comparison comparison = compare(model, plans_of(model, all));
  ASSERT_EQ(comparison.settings.size(), all.size());
  ASSERT_EQ(comparison.tensors.size(), std::size(kQuantized));
  for (std::size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(all[i]);
    const Report report = report_of(model, all[i]);
    for (std::size_t k = 0; k < std::size(kQuantized); ++k) {
      const TensorReport& real = report.tensors[kQuantized[k]];
      const ComparedTensor& told = comparison.settings[i].tensors[k];
      EXPECT_EQ(comparison.tensors[k].name, real.info.name);
      EXPECT_EQ(told.settings, real.settings);
      EXPECT_EQ(told.rho, real.codebook.rho);
      EXPECT_EQ(told.relative_error, real.relative_error);
      EXPECT_EQ(told.bytes, real.bytes);
    }
  }
}

TEST(Compare, CodesAtTheirEntropyAreEstimated) {
  const SampleModel model;
  const std::string items = "coding=entropy,bits=3";
  const Comparison comparison = compare(model, plans_of(model, {items}));
  EXPECT_FALSE(comparison.settings.front().file_bytes_known);
  const Report report = report_of(model, items);
  for (std::size_t k = 0; k < std::size(kQuantized); ++k) {
    const TensorReport& real = report.tensors[kQuantized[k]];
    const ComparedTensor& told = comparison.settings.front().tensors[k];
    EXPECT_EQ(told.rho, real.codebook.rho);
    EXPECT_NEAR(static_cast<double>(told.bytes), static_cast<double>(real.bytes),
                0.03 * static_cast<double>(real.bytes) + 30);
  }
}

TEST(Compare, ScalesAreJudgedByASample) {
  const SampleModel model;
  for (const std::string items :
       {"bits=3,granularity=group:64", "coding=entropy,bits=3,granularity=group:64"}) {
    SCOPED_TRACE(items);
    const Comparison comparison = compare(model, plans_of(model, {items}));
    const Report report = report_of(model, items);
    for (std::size_t k = 0; k < std::size(kQuantized); ++k) {
      const TensorReport& real = report.tensors[kQuantized[k]];
      const ComparedTensor& told = comparison.settings.front().tensors[k];
      EXPECT_NEAR(told.rho, real.codebook.rho, 0.01) << real.info.name;
      EXPECT_NEAR(told.relative_error, real.relative_error, 0.02) << real.info.name;
    }
  }
}

TEST(Compare, NothingDependsOnThreads) {
  const SampleModel model;
  const std::vector<Plan> plans =
      plans_of(model, {"bits=2", "bits=3", "bits=3,mode=kmeans", "bits=3"});
  RunOptions options;
  options.threads = 1;
  const Comparison one = compare(model, plans, options);
  options.threads = 5;
  const Comparison five = compare(model, plans, options);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    for (std::size_t k = 0; k < one.tensors.size(); ++k) {
      EXPECT_EQ(one.settings[i].tensors[k].rho, five.settings[i].tensors[k].rho);
      EXPECT_EQ(one.settings[i].tensors[k].relative_error,
                five.settings[i].tensors[k].relative_error);
    }
  }
  EXPECT_EQ(one.settings[1].mean_rho(), one.settings[3].mean_rho());
}

TEST(Compare, MeansAndTheLowestAreOverTensors) {
  ComparedSetting setting;
  EXPECT_EQ(setting.mean_rho(), 1);
  EXPECT_EQ(setting.mean_relative_error(), 0);
  EXPECT_FALSE(setting.lowest());
  setting.tensors = {{{}, 0.75, 0.5, 1}, {{}, 0.25, 1, 1}, {{}, 0.5, 0, 1}};
  EXPECT_EQ(setting.mean_rho(), 0.5);
  EXPECT_EQ(setting.mean_relative_error(), 0.5);
  EXPECT_EQ(setting.lowest(), 1);
}

TEST(Compare, WhatIsNotFiniteIsNamed) {
  TestModel model;
  model.add("good", {1, 2, 3, 4});
  model.add("bad", {1, std::numeric_limits<float>::infinity(), 3, 4});
  try {
    compare(model, plans_of(model, {"bits=2"}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("bad: holds 1 NaN or infinite"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace wquant
