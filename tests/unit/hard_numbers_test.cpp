#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <clocale>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <locale>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "formats/safetensors_support.h"
#include "report/html.h"
#include "report/render.h"
#include "unit/engine_support.h"
#include "unit/flush_denormals.h"
#include "unit/hard_numbers.h"
#include "wquant/formats.h"
#include "wquant/measure.h"

// Figures of a report against sums in long double, on weights that are hard to sum, and what does
// not depend on who calls.
namespace wquant {
namespace {

using namespace testing_numbers;
using testing_engine::TestModel;

constexpr std::uint64_t kRows = 64, kColumns = 96;

struct HardTensor {
  const char* name;
  double factor, mean;
};

/// Squares of most of them do not fit into a float, or vanish.
constexpr HardTensor kHard[] = {{"plain", 1, 0},     {"large", 1e30, 0},  {"largest", 5e37, 0},
                                {"small", 1e-30, 0}, {"tiny", 1e-36, 0},  {"denormal", 1e-40, 0},
                                {"far", 1e-3, 1000}, {"farther", 1, 1e6}, {"offset", 1, -5}};

std::vector<float> weights_of(const HardTensor& hard) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> gauss;
  std::vector<float> weights(kRows * kColumns);
  for (float& w : weights) w = static_cast<float>(gauss(random) * hard.factor + hard.mean);
  return weights;
}

struct HardModel : TestModel {
  explicit HardModel(const HardTensor& hard) {
    add(hard.name, {kRows, kColumns}, weights_of(hard), OutputAxis());
  }
};

/// Of tensors that fit into memory.
Reference reference_of(const std::vector<float>& before, const std::vector<float>& after) {
  Reference reference;
  reference.add_to_means(before, after);
  reference.end_means();
  reference.add(before, after);
  return reference;
}

std::vector<float> floats_of_file(const std::filesystem::path& path) {
  const auto model = open_model(path);
  std::vector<float> floats(model->tensors()[0].count());
  model->read_floats(0, 0, floats);
  return floats;
}

constexpr const char* kItems[] = {"bits=3",
                                  "bits=3,balance=off",
                                  "bits=4,granularity=channel",
                                  "bits=2,granularity=group:32",
                                  "bits=3,coding=entropy",
                                  "bits=3,coding=entropy,granularity=channel",
                                  "bits=8,mode=kmeans"};

TEST(HardNumbers, FiguresAreThoseOfLongDoubleSums) {
  const test::Folder folder;
  for (const HardTensor& hard : kHard) {
    const HardModel model(hard);
    for (const char* items : kItems) {
      SCOPED_TRACE(std::string(hard.name) + " " + items);
      const auto path = folder / "hard.safetensors";
      const TensorReport report = write_quantized(model, settings_of(items), path).tensors[0];
      const Reference truth = reference_of(weights_of(hard), floats_of_file(path));
      const auto lost = static_cast<double>(1 - truth.rho());
      EXPECT_NEAR(report.codebook.rho, static_cast<double>(truth.rho()), 1e-3 * lost + 1e-9);
      const auto error = static_cast<double>(truth.relative_error());
      EXPECT_NEAR(report.relative_error, error, 1e-3 * error);
      const auto most = static_cast<double>(truth.max_error());
      EXPECT_GE(report.max_error * (1 + 1e-3), most);
      const auto measured =
          measure_errors(model, *open_model(path), std::vector<TensorPair>{{0, 0}});
      EXPECT_NEAR(measured[0].rho, static_cast<double>(truth.rho()), 1e-9);
      EXPECT_NEAR(measured[0].relative_error, error, 1e-9 * error);
      EXPECT_NEAR(measured[0].max_error, most, 1e-12 * most);
    }
  }
}

/// Rows of one magnitude each, so that a row loses no more than its scale is off.
TEST(HardNumbers, ScalesFarBelowTheLargestAreThoseOfTheFile) {
  const test::Folder folder;
  std::vector<float> weights;
  for (const double magnitude : {1.0, 1.1774e-6, 3.1e-8, 4e-9, 1e-12, 0.7}) {
    for (int i = 0; i < 32; ++i)
      weights.push_back(static_cast<float>(i % 3 == 0 ? -magnitude : magnitude));
  }
  TestModel model;
  model.add("rows", {6, 32}, weights, OutputAxis());
  for (const char* granularity : {"channel", "group:32", "group:48", "group:8"}) {
    for (const char* more : {"bits=1,rescale=none,balance=off", "bits=1", "bits=3,balance=off"}) {
      SCOPED_TRACE(std::string(granularity) + " " + more);
      const auto path = folder / "rows.safetensors";
      const Settings settings = settings_of(std::string(more) + ",granularity=" + granularity);
      const TensorReport report = write_quantized(model, settings, path).tensors[0];
      const Reference truth = reference_of(weights, floats_of_file(path));
      EXPECT_LE(static_cast<double>(truth.max_error()), report.max_error * (1 + 1e-3));
      const auto rho = static_cast<double>(truth.rho());
      EXPECT_NEAR(report.codebook.rho, rho, 1e-3 * (1 - rho) + 1e-9);
    }
  }
}

/// One weight outweighs the others and is rounded by per cents: errors are in proportion to
/// weights, which costs no correlation.
TEST(HardNumbers, ErrorsInProportionToWeightsLeaveTheCorrelationAlone) {
  const test::Folder folder;
  std::vector<float> weights(256);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = i % 2 == 0 ? 2e-14F : -1e-14F;
  weights[100] = 1.4e-7F;
  TestModel model;
  model.add("w", weights);
  const auto path = folder / "halves.safetensors";
  const TensorReport report = write_quantized(model, settings_of("coding=f16"), path).tensors[0];
  const Reference truth = reference_of(weights, floats_of_file(path));
  EXPECT_GT(truth.relative_error(), 0.01L);
  EXPECT_NEAR(report.codebook.rho, static_cast<double>(truth.rho()), 1e-10);
}

/// Scales and the rescale would make more of them than float32 holds.
TEST(HardNumbers, WeightsNextToTheLargestOfFloat32StayFinite) {
  const test::Folder folder;
  std::mt19937_64 random(11);
  std::uniform_real_distribution<float> share(-1, 1);
  std::vector<float> weights(std::size_t{64} * 32);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float part = i % 32 == 0 ? 1 : share(random);
    weights[i] = std::numeric_limits<float>::max() * (i / 32 % 3 == 0 ? part : part * part * part);
  }
  TestModel model;
  model.add("w", {64, 32}, weights, OutputAxis());
  for (const char* granularity : {"tensor", "channel", "group:16"}) {
    for (const char* mode : {"exp", "linear", "kmeans"}) {
      for (const char* more : {"bits=1", "bits=2,rescale=none", "bits=2", "bits=4,rescale=mse",
                               "bits=3,balance=off", "bits=8,balance=off"}) {
        const std::string items = fmt::format("{},mode={},granularity={}", more, mode, granularity);
        SCOPED_TRACE(items);
        const auto path = folder / "end.safetensors";
        const TensorReport report = write_quantized(model, settings_of(items), path).tensors[0];
        const std::vector<float> became = floats_of_file(path);
        ASSERT_TRUE(std::ranges::all_of(became, [](float w) { return std::isfinite(w); }));
        const Reference truth = reference_of(weights, became);
        const auto rho = static_cast<double>(truth.rho());
        EXPECT_NEAR(report.codebook.rho, rho, 1e-3 * (1 - rho) + 1e-9);
        const auto error = static_cast<double>(truth.relative_error());
        EXPECT_NEAR(report.relative_error, error, 1e-3 * error);
      }
    }
  }
}

/// Weights of up to `most` times the least that float32 holds.
std::vector<float> few_steps(int most) {
  std::mt19937_64 random(5);
  std::uniform_int_distribution<int> steps(-most, most);
  std::vector<float> weights(kRows * kColumns);
  for (float& w : weights) w = std::ldexp(static_cast<float>(steps(random)), -149);
  return weights;
}

TEST(HardNumbers, LevelsThatAreRoundedAsDenormalNumbersAreInTheFigures) {
  const test::Folder folder;
  for (const int most : {3, 20, 300, 100'000}) {
    const std::vector<float> weights = few_steps(most);
    TestModel model;
    model.add("w", weights);
    for (const char* items : {"bits=1", "bits=2", "bits=3,mode=linear", "bits=4,mode=kmeans",
                              "bits=2,coding=entropy", "bits=3,search=exact"}) {
      SCOPED_TRACE(fmt::format("{} {}", items, most));
      const auto path = folder / "steps.safetensors";
      const TensorReport report =
          write_quantized(model, settings_of(std::string(items) + ",balance=off"), path).tensors[0];
      const Reference truth = reference_of(weights, floats_of_file(path));
      const auto lost = static_cast<double>(1 - truth.rho());
      EXPECT_NEAR(report.codebook.rho, 1 - lost, 1e-5 * lost + 1e-12);
      EXPECT_LE(report.codebook.rho + report.codebook.gap, 1);
      const auto error = static_cast<double>(truth.relative_error());
      EXPECT_NEAR(report.relative_error, error, 1e-5 * error + 1e-12);
    }
  }
}

TEST(HardNumbers, InfinityThatNoScaleIsFittedToIsAnError) {
  constexpr std::size_t kMany = std::size_t{3} << 20;
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    for (const char* items : {"granularity=channel", "granularity=group:32"}) {
      std::vector<float> weights(kMany, 0.5F);
      for (std::size_t i = 0; i < kMany; i += 3) weights[i] = -1;
      weights[kMany / 2 + 12345] = bad;
      TestModel model;
      model.add("w", {kMany / 2048, 2048}, weights, OutputAxis());
      const Settings settings = settings_of(items);
      const Plan plan = make_plan(model, settings);
      testing_engine::MemorySink sink(plan);
      EXPECT_NE(test::error_of([&] { quantize(model, plan, sink); }).find("1 NaN or infinite"),
                std::string::npos)
          << items;
    }
  }
}

TEST(HardNumbers, CallersFloatingPointModeDoesNotMatter) {
  std::fenv_t before = {};
  std::fegetenv(&before);
  for (const HardTensor& hard : kHard) {
    const HardModel model(hard);
    for (const char* items : {"bits=3", "bits=3,granularity=channel", "bits=2,mode=kmeans"}) {
      const Settings settings = settings_of(items);
      const auto expected = testing_engine::run(model, settings, 2);
      for (const int rounding : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
        SCOPED_TRACE(std::string(hard.name) + " " + items + " " + std::to_string(rounding));
        std::fesetround(rounding);
        test::flush_denormals();
        const auto found = testing_engine::run(model, settings, 2);
        EXPECT_EQ(std::fegetround(), rounding) << "the caller's mode is its own";
        std::fesetenv(&before);
        EXPECT_TRUE(found.parts == expected.parts);
        const TensorReport& a = found.report.tensors[0];
        const TensorReport& b = expected.report.tensors[0];
        EXPECT_EQ(a.codebook.rho, b.codebook.rho);
        EXPECT_EQ(a.relative_error, b.relative_error);
      }
    }
  }
}

/// The bytes and the report that come of a hard tensor.
std::string outcome(const ModelReader& model, const char* items) {
  const test::Folder folder;
  const auto path = folder / "hard.safetensors";
  Report report = write_quantized(model, settings_of(items), path);
  report.output.clear();
  std::string all = test::read_file(path) + report_json(report) + report_html(report);
  for (const float w : floats_of_file(path)) {
    all.append(reinterpret_cast<const char*>(&w), sizeof w);
  }
  return all;
}

/// Numbers as some countries write them.
struct Commas : std::numpunct<char> {
  [[nodiscard]] char do_decimal_point() const override { return ','; }
  [[nodiscard]] char do_thousands_sep() const override { return '.'; }
  [[nodiscard]] std::string do_grouping() const override { return "\3"; }
};

TEST(HardNumbers, LocaleOfStreamsDoesNotMatter) {
  const HardModel model(kHard[0]);
  const std::string expected = outcome(model, "bits=3,mode=exp,ratio=1.5");
  const std::locale before = std::locale::global(std::locale(std::locale(), new Commas));
  const std::string found = outcome(model, "bits=3,mode=exp,ratio=1.5");
  std::locale::global(before);
  EXPECT_TRUE(found == expected);
}

/// Sets the locale of C to one with a decimal comma, made in `folder` where none is installed.
bool set_commas(const test::Folder& folder) {
  constexpr const char* kName = "de_DE.UTF-8";
  if (std::setlocale(LC_ALL, kName) != nullptr) return true;
  const std::string make = "localedef -i de_DE -f UTF-8 '" + (folder / kName).string() + "' 2>&1";
  if (std::system(make.c_str()) != 0) return false;
  setenv("LOCPATH", (folder / ".").c_str(), 1);
  const bool is_set = std::setlocale(LC_ALL, kName) != nullptr;
  unsetenv("LOCPATH");
  return is_set;
}

TEST(HardNumbers, LocaleOfTheProcessDoesNotMatter) {
  const test::Folder folder;
  const HardModel model(kHard[0]);
  const std::string expected = outcome(model, "bits=3,mode=exp,ratio=1.5");
  const std::string before = std::setlocale(LC_ALL, nullptr);
  if (!set_commas(folder)) GTEST_SKIP() << "no locale with a decimal comma, and no localedef";
  std::string comma(8, ' ');
  comma.resize(static_cast<std::size_t>(std::snprintf(comma.data(), comma.size(), "%.1f", 0.5)));
  const std::string found = outcome(model, "bits=3,mode=exp,ratio=1.5");
  std::setlocale(LC_ALL, before.c_str());
  EXPECT_EQ(comma, "0,5");
  EXPECT_TRUE(found == expected);
}

TEST(Threads, SeveralCallTheLibraryAtOnce) {
  constexpr int kCallers = 4;
  const HardModel model(kHard[0]);
  std::vector<std::string> expected;
  for (const char* items : kItems) expected.push_back(outcome(model, items));
  std::vector<int> same(kCallers);
  {
    std::vector<std::jthread> callers;
    for (std::size_t caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&, caller] {
        for (std::size_t i = 0; i < std::size(kItems); ++i) {
          const std::size_t item = (i + caller) % std::size(kItems);
          same[caller] += outcome(model, kItems[item]) == expected[item] ? 1 : 0;
        }
      });
    }
  }
  for (const int one : same) EXPECT_EQ(one, static_cast<int>(std::size(kItems)));
}

}  // namespace
}  // namespace wquant
