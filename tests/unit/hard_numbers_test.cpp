#include <gtest/gtest.h>

#include <cfenv>
#include <clocale>
#include <cmath>
#include <limits>
#include <locale>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "formats/quantized_output.h"
#include "formats/safetensors_support.h"
#include "report/html.h"
#include "report/render.h"
#include "unit/engine_support.h"
#include "unit/flush_denormals.h"
#include "wquant/formats.h"
#include "wquant/measure.h"

// Figures of a report against sums in long double, on weights that are hard to sum, and what does
// not depend on who calls.
namespace wquant {
namespace {

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

struct Reference {
  long double rho = 0, relative_error = 0, max_error = 0;
};

Reference reference_of(const std::vector<float>& before, const std::vector<float>& after) {
  const auto n = static_cast<long double>(before.size());
  long double w = 0, q = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    w += before[i] / n;
    q += after[i] / n;
  }
  long double ww = 0, qq = 0, wq = 0, ee = 0, most = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const long double dw = before[i] - w, dq = after[i] - q;
    const long double e = static_cast<long double>(before[i]) - after[i];
    ww += dw * dw;
    qq += dq * dq;
    wq += dw * dq;
    ee += e * e;
    most = std::max(most, std::fabs(e));
  }
  return {qq > 0 ? wq / std::sqrt(ww) / std::sqrt(qq) : 0, ee / ww, most};
}

/// Quantizes into a file of `folder` and returns its report.
Report write_quantized(const ModelReader& model, const Settings& settings,
                       const std::filesystem::path& path) {
  const Plan plan = make_plan(model, settings);
  const QuantizedJob job{model, plan, settings, path};
  const auto writer = find_quantized_format(path)->make(job, Overwrite::kReplace);
  Report report = quantize(model, plan, *writer);
  writer->finish(report);
  return report;
}

std::vector<float> floats_of_file(const std::filesystem::path& path) {
  const auto model = open_model(path);
  std::vector<float> floats(model->tensors()[0].count());
  model->read_floats(0, 0, floats);
  return floats;
}

Settings settings_of(const std::string& items) {
  Settings settings;
  wquant::apply(settings.tensor, items);
  return settings;
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
      const auto lost = static_cast<double>(1 - truth.rho);
      EXPECT_NEAR(report.codebook.rho, static_cast<double>(truth.rho), 1e-3 * lost + 1e-8);
      const auto error = static_cast<double>(truth.relative_error);
      EXPECT_NEAR(report.relative_error, error, 1e-3 * error);
      const auto most = static_cast<double>(truth.max_error);
      EXPECT_GE(report.max_error * (1 + 1e-3), most);
      const auto measured =
          measure_errors(model, *open_model(path), std::vector<TensorPair>{{0, 0}});
      EXPECT_NEAR(measured[0].rho, static_cast<double>(truth.rho), 1e-9);
      EXPECT_NEAR(measured[0].relative_error, error, 1e-9 * error);
      EXPECT_NEAR(measured[0].max_error, most, 1e-12 * most);
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

TEST(HardNumbers, LocaleDoesNotMatter) {
  const HardModel model(kHard[0]);
  const std::string expected = outcome(model, "bits=3,mode=exp,ratio=1.5");
  const std::string before = std::setlocale(LC_ALL, nullptr);
  // Where none is installed only the C++ one remains.
  const bool is_installed = std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;
  const std::locale global = std::locale::global(std::locale(std::locale(), new Commas));
  const std::string found = outcome(model, "bits=3,mode=exp,ratio=1.5");
  std::locale::global(global);
  std::setlocale(LC_ALL, before.c_str());
  EXPECT_TRUE(found == expected);
  RecordProperty("c_locale", is_installed ? "de_DE" : "none");
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
