#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "formats/quantized_file_support.h"
#include "unit/engine_support.h"
#include "unit/layers.h"
#include "wquant/budget.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using testing::HasSubstr;
using testing_engine::TestModel;

std::vector<float> layer_of(std::size_t size, double deviation, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> layer(size);
  for (float& w : layer) w = static_cast<float>(deviation * testing_layers::gaussian(random));
  return layer;
}

Settings f16_settings() {
  Settings settings;
  wquant::apply(settings.tensor, "coding=f16");
  return settings;
}

/// Of less and more than a slab, one with subnormal halves, one that is kept.
struct MixedModel : TestModel {
  MixedModel() {
    add("small", layer_of(100, 0.05, 1));
    add("large", layer_of(700'001, 3, 2));
    add_kept("kept", 5);
    add("tiny", layer_of(1000, 1e-5, 3));
    add("equal", std::vector<float>(10, 0.125F));
  }
};

std::vector<float> floats(const ModelReader& model, std::size_t index) {
  std::vector<float> all(model.tensors()[index].count());
  model.read_floats(index, 0, all);
  return all;
}

/// The nearest number that F16 has, ties to even.
double nearest_half(double w) {
  const double step = std::ldexp(1.0, std::max(-14, std::ilogb(w)) - 10);
  return std::nearbyint(w / step) * step;
}

Report write(const ModelReader& model, const Plan& plan, const Settings& settings,
             const std::filesystem::path& path, unsigned threads = 2) {
  QuantizedWriter writer(path, plan, settings, Overwrite::kReplace);
  RunOptions options;
  options.threads = threads;
  Report report = quantize(model, plan, writer, options);
  writer.finish(report);
  EXPECT_EQ(writer.sizes().file_bytes, std::filesystem::file_size(path));
  return report;
}

double correlation(const std::vector<float>& a, const std::vector<float>& b) {
  const auto n = static_cast<long double>(a.size());
  long double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const long double x = a[i], y = b[i];
    sa += x, sb += y, saa += x * x, sbb += y * y, sab += x * y;
  }
  const long double cov = sab / n - sa / n * (sb / n);
  return static_cast<double>(
      cov / std::sqrt((saa / n - sa / n * (sa / n)) * (sbb / n - sb / n * (sb / n))));
}

TEST(Halves, FileHoldsTheNearestNumbersAndTheReportIsTrue) {
  const Folder folder;
  const MixedModel model;
  const Settings settings = f16_settings();
  const Plan plan = make_plan(model, settings);
  const Report report = write(model, plan, settings, folder / "q.safetensors");
  const QuantizedModel file(folder / "q.safetensors");
  file.verify();
  for (const std::size_t i : {0U, 1U, 3U, 4U}) {
    SCOPED_TRACE(model.tensors()[i].name);
    const std::vector<float> before = floats(model, i);
    const std::vector<float> after = floats(file, i);
    double worst = 0;
    for (std::size_t k = 0; k < before.size(); ++k) {
      ASSERT_EQ(double{after[k]}, nearest_half(before[k])) << k;
      worst = std::max(worst, std::fabs(double{after[k]} - double{before[k]}));
    }
    EXPECT_DOUBLE_EQ(report.tensors[i].max_error, worst);
    EXPECT_EQ(report.tensors[i].bytes, 2 * before.size());
    if (i == 4) continue;
    const double lost = 1 - correlation(before, after);
    EXPECT_NEAR(1 - report.tensors[i].codebook.rho, lost, 0.01 * lost + 1e-15);
  }
  EXPECT_EQ(test::read_tensor(file, 2), test::read_tensor(model, 2));
}

TEST(Halves, AreTheSameForAnyNumberOfThreads) {
  const Folder folder;
  const MixedModel model;
  const Settings settings = f16_settings();
  const Plan plan = make_plan(model, settings);
  write(model, plan, settings, folder / "1", 1);
  write(model, plan, settings, folder / "7", 7);
  EXPECT_EQ(test::read_file(folder / "1"), test::read_file(folder / "7"));
}

TEST(Halves, RefuseWhatF16CannotHold) {
  for (const auto& [weight, message] :
       {std::pair{65520.0F, "holds weights beyond 65504"},
        std::pair{std::numeric_limits<float>::infinity(), "1 NaN or infinite values"}}) {
    TestModel model;
    model.add("w", {1, 65519, weight});
    const Folder folder;
    const Settings settings = f16_settings();
    const Plan plan = make_plan(model, settings);
    EXPECT_THAT(error_of([&] { write(model, plan, settings, folder / "q"); }),
                testing::AllOf(HasSubstr("w: "), HasSubstr(message)));
    EXPECT_EQ(folder.files(), 0U);
  }
}

TEST(Halves, HeaderMustSayWhatIsThere) {
  const Folder folder;
  TestModel model;
  model.add("w", layer_of(6, 1, 1));
  const Settings settings = f16_settings();
  write(model, make_plan(model, settings), settings, folder / "q");
  const std::string good = test::read_file(folder / "q");
  const auto error_with = [&](std::string_view from, std::string_view to) {
    test::write_file(folder / "bad", test::edit_header(good, from, to));
    return error_of([&] { QuantizedModel(folder / "bad").verify(); });
  };
  EXPECT_THAT(error_with(R"(\"F32\",\"coding\":\"f16\")", R"(\"F32\",\"coding\":\"f17\")"),
              HasSubstr("coding \"f17\" is not known: use a newer wquant"));
  EXPECT_THAT(error_with(R"(\"shape\":[1,6])", R"(\"shape\":[2,6])"),
              HasSubstr("w: weights are F16 of [1, 6] where F16 of [2, 6] belong"));
  EXPECT_THAT(error_with(R"("dtype":"F16","shape":[1,6])", R"("dtype":"U16","shape":[1,6])"),
              HasSubstr("w: weights are U16 of [1, 6] where F16"));
  std::string flipped = good;
  flipped.back() ^= 1;
  test::write_file(folder / "bad", flipped);
  EXPECT_THAT(error_of([&] { QuantizedModel(folder / "bad").verify(); }),
              HasSubstr("w: data have checksum"));
}

TEST(HalfLevels, AreStoredAndTheReportIsTrue) {
  const Folder folder;
  TestModel model;
  model.add("w", layer_of(5000, 0.05, 4));
  model.add("binned", layer_of(300'000, 0.05, 5));
  for (const char* items : {"bits=8", "bits=3,rescale=none"}) {
    Settings settings;
    wquant::apply(settings.tensor, items);
    Plan plan = make_plan(model, settings);
    for (PlannedTensor& tensor : plan.tensors) tensor.levels = Dtype::kF16;
    const Report report = write(model, plan, settings, folder / "q");
    const QuantizedModel file(folder / "q");
    file.verify();
    for (std::size_t i = 0; i < 2; ++i) {
      const auto levels = std::uint64_t{1} << report.tensors[i].settings.bits;
      EXPECT_EQ(
          report.tensors[i].bytes,
          packed_size(model.tensors()[i].count(), report.tensors[i].settings.bits) + 2 * levels);
      const std::vector<float> after = floats(file, i);
      for (const float w : after) ASSERT_EQ(double{w}, nearest_half(w));
      const double lost = 1 - correlation(floats(model, i), after);
      EXPECT_NEAR(1 - report.tensors[i].codebook.rho, lost, 1e-9 + 1e-6 * lost);
    }
  }
}

TEST(HalfLevels, AreChosenWhereTheyCostLittle) {
  TestModel model;
  model.add("w", layer_of(5000, 0.05, 6));
  model.add("subnormal", layer_of(5000, 1e-7, 7));
  const std::vector<Plan> plans = {make_plan(model, {})};
  for (const auto& [dtypes, dtype] : {std::pair{LevelDtypes::kF32OrF16, Dtype::kF16},
                                      std::pair{LevelDtypes::kF32, Dtype::kF32}}) {
    const std::vector<Ladder> ladders = survey(model, plans, dtypes);
    for (const Choice& choice : ladders[0]) {
      EXPECT_EQ(choice.levels, dtype) << choice.bits;
      EXPECT_EQ(choice.bytes, packed_size(5000, choice.bits) + (size_of(dtype) << choice.bits));
    }
    EXPECT_EQ(ladders[1].back().levels, Dtype::kF32);
  }
}

TEST(HalfLevels, AndHalvesAreInTheLadder) {
  TestModel model;
  model.add("w", layer_of(300, 0.05, 8));
  model.add("far", {1, 2, 3, 70000});
  const std::vector<Plan> plans = {make_plan(model, {}), make_plan(model, f16_settings())};
  const std::vector<Ladder> ladders = survey(model, plans, LevelDtypes::kF32OrF16);
  ASSERT_EQ(ladders[0].size(), 9U);
  // Beside so few weights a table of 256 levels is more than the weights themselves.
  const auto& halves = ladders[0][7];
  EXPECT_EQ(halves.variant, 1U);
  EXPECT_EQ(halves.bytes, 600U);
  EXPECT_GT(halves.error, 1e-9);
  EXPECT_LT(halves.error, 1e-6);
  EXPECT_EQ(ladders[1].size(), 8U);
}

TEST(HalfLevels, HalvesAreNoChoiceWhereOneWeightMayBeTooLarge) {
  TestModel model;
  std::vector<float> layer = layer_of(50'000, 1000, 9);
  layer[7] = 65530;  // In a bin that begins below the largest half.
  model.add("binned", layer);
  const std::vector<Plan> plans = {make_plan(model, f16_settings())};
  EXPECT_TRUE(survey(model, plans, LevelDtypes::kF32OrF16).front().empty());
}

TEST(HalfLevels, ZerosLoseNothing) {
  TestModel model;
  std::vector<float> layer = layer_of(1000, 0.01, 10);
  for (std::size_t i = 0; i < layer.size(); ++i) {
    if (i % 10 != 0) layer[i] = 0;
  }
  model.add("pruned", layer);
  const Settings settings = f16_settings();
  const std::vector<Plan> plans = {make_plan(model, settings)};
  const double estimated = survey(model, plans, LevelDtypes::kF32OrF16).front().front().error;
  const Folder folder;
  const double true_error =
      write(model, plans.front(), settings, folder / "q").tensors.front().relative_error;
  EXPECT_NEAR(estimated / true_error, 1, 0.5);
}

}  // namespace
}  // namespace wquant
