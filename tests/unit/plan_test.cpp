#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "experiments/memory_model.h"
#include "wquant/error.h"
#include "wquant/quantize.h"

namespace wquant {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using Shape = std::vector<std::uint64_t>;

/// A model whose weights cannot be read: planning must not need them.
class NamesOnly : public ModelReader {
 public:
  explicit NamesOnly(std::vector<TensorInfo> tensors) : tensors_(std::move(tensors)) {}
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "names"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  void read(std::size_t, std::uint64_t, std::span<std::byte>) const override {
    throw Error("weights were read");
  }

 private:
  std::string path_ = "model.npz";
  std::vector<TensorInfo> tensors_;
};

NamesOnly network() {
  return NamesOnly({{"conv1.weight", {8, 3, 3, 3}, Dtype::kF32},
                    {"conv1.bias", {8}, Dtype::kF32},
                    {"conv2.weight", {8, 8}, Dtype::kBF16},
                    {"head.weight", {10, 8}, Dtype::kF64},
                    {"steps", {}, Dtype::kF32},
                    {"ids", {4, 4}, Dtype::kI64},
                    {"none", {0, 7}, Dtype::kF16}});
}

std::map<std::string, std::string> kept_reasons(const Plan& plan) {
  std::map<std::string, std::string> reasons;
  for (const PlannedTensor& tensor : plan.tensors) {
    EXPECT_EQ(tensor.quantized, tensor.kept_reason.empty());
    if (!tensor.quantized) reasons[tensor.info.name] = tensor.kept_reason;
  }
  return reasons;
}

std::string usage_error(const ModelReader& model, const Settings& settings) {
  try {
    make_plan(model, settings);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage) << error.what();
    return error.what();
  }
  return {};
}

Settings with_rules(std::vector<SettingsRule> rules) {
  Settings settings;
  settings.rules = std::move(rules);
  return settings;
}

Settings including(const std::string& pattern) {
  Settings settings;
  settings.include = pattern;
  return settings;
}

TEST(Plan, QuantizesFloatsOfTwoDimensionsAndSaysWhyNotTheRest) {
  EXPECT_EQ(kept_reasons(make_plan(network(), {})),
            (std::map<std::string, std::string>{{"conv1.bias", "1 dimension"},
                                                {"steps", "scalar"},
                                                {"ids", "integer (I64)"},
                                                {"none", "empty"}}));
}

TEST(Plan, AllTakesVectorsToo) {
  Settings settings;
  settings.all = true;
  const auto reasons = kept_reasons(make_plan(network(), settings));
  EXPECT_FALSE(reasons.contains("conv1.bias"));
  EXPECT_EQ(reasons.at("none"), "empty");
  EXPECT_EQ(reasons.at("ids"), "integer (I64)");
}

TEST(Plan, IncludeAndExcludeMatchAnywhereInTheName) {
  Settings settings = including("conv\\d");
  settings.exclude = "2";
  const auto reasons = kept_reasons(make_plan(network(), settings));
  EXPECT_FALSE(reasons.contains("conv1.weight"));
  EXPECT_EQ(reasons.at("conv2.weight"), "excluded by --exclude");
  EXPECT_EQ(reasons.at("head.weight"), "not matched by --include");
}

TEST(Plan, LastMatchWinsKeyByKey) {
  const Plan plan = make_plan(
      network(),
      with_rules({{"conv", "bits=3,mode=linear"}, {"^conv2", "bits=6"}, {"head", "ratio=1.5"}}));
  EXPECT_EQ(plan.tensors[0].settings.bits, 3);
  EXPECT_EQ(plan.tensors[0].settings.mode, "linear");
  EXPECT_EQ(plan.tensors[2].settings.bits, 6);
  EXPECT_EQ(plan.tensors[2].settings.mode, "linear");
  EXPECT_EQ(plan.tensors[3].settings.bits, 4);
  EXPECT_EQ(plan.tensors[3].settings.ratio, 1.5);
}

TEST(Plan, ContradictionThatARuleMakesNamesTheTensor) {
  Settings settings = with_rules({{"head", "mode=linear"}});
  settings.tensor.ratio_rule = RatioRule::kRange;
  EXPECT_THAT(usage_error(network(), settings), HasSubstr("head.weight"));
}

TEST(Plan, PatternsThatAreWrongOrMatchNothingAreNamed) {
  EXPECT_THAT(usage_error(network(), including("conv(")), HasSubstr("conv("));
  EXPECT_THAT(usage_error(network(), including("cnov")),
              AllOf(HasSubstr("cnov"), HasSubstr("matches no tensor")));
  Settings settings;
  settings.exclude = "[";
  EXPECT_THAT(usage_error(network(), settings), HasSubstr("\"[\""));
  settings.exclude = "bn";
  EXPECT_THAT(usage_error(network(), settings), HasSubstr("matches no tensor"));
  EXPECT_THAT(usage_error(network(), with_rules({{"fc", "bits=3"}})),
              AllOf(HasSubstr("fc"), HasSubstr("matches no tensor")));
  EXPECT_NE(usage_error(network(), with_rules({{"head", "bist=3"}})), "");
}

TEST(Plan, OverlongNamesArePlannedButNeverMatched) {
  const NamesOnly model({{std::string(100'000, 'a'), {2, 2}, Dtype::kF32}});
  EXPECT_TRUE(make_plan(model, {}).tensors[0].quantized);
  EXPECT_THROW(make_plan(model, including("a+b")), Error);
}

TEST(Plan, StrictRefusesToKeepWeights) {
  Settings settings;
  settings.strict = true;
  const NamesOnly plain({{"w", {2, 2}, Dtype::kF32}, {"b", {2}, Dtype::kF32}});
  EXPECT_EQ(usage_error(plain, settings), "");
  settings.exclude = "w";
  EXPECT_THAT(usage_error(plain, settings),
              AllOf(HasSubstr("w: "), HasSubstr("excluded by --exclude")));
}

TEST(Plan, ModelWithNothingToQuantizeIsFine) {
  EXPECT_TRUE(make_plan(NamesOnly({}), {}).tensors.empty());
  EXPECT_EQ(kept_reasons(make_plan(NamesOnly({{"b", {2}, Dtype::kF32}}), {})).size(), 1U);
}

TEST(Plan, NonFiniteTensorsAreKeptWholeWhenAsked) {
  std::vector<float> weights(300'000, 0.5F);
  MemoryModel model;
  model.add({"good", {300'000, 1}, Dtype::kF32}, std::as_bytes(std::span(weights)));
  weights.back() = std::numeric_limits<float>::quiet_NaN();
  model.add({"bad", {300'000, 1}, Dtype::kF32}, std::as_bytes(std::span(weights)));
  model.add({"bias", {300'000}, Dtype::kF32}, std::as_bytes(std::span(weights)));
  Settings settings;
  settings.nonfinite = NonFinite::kKeep;
  const Plan plan = make_plan(model, settings);
  EXPECT_TRUE(plan.tensors[0].quantized);
  EXPECT_THAT(plan.tensors[1].kept_reason, HasSubstr("not finite"));
  EXPECT_EQ(plan.tensors[2].kept_reason, "1 dimension");
}

}  // namespace
}  // namespace wquant
