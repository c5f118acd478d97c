#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "unit/engine_support.h"
#include "unit/layers.h"
#include "wquant/budget.h"
#include "wquant/codebook.h"
#include "wquant/error.h"
#include "wquant/quantize.h"

namespace wquant {
namespace {

using testing_engine::expect_same;
using testing_engine::MemorySink;
using testing_engine::Outcome;
using testing_engine::run;
using testing_engine::TestModel;
using testing_layers::gaussian;

std::vector<float> weights_of(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<float> weights(count);
  for (float& w : weights) w = static_cast<float>(gaussian(random) * (seed % 3 == 0 ? 1 : 0.01));
  return weights;
}

std::unique_ptr<TestModel> mixed_model() {
  auto model = std::make_unique<TestModel>();
  model->add("large", weights_of(700001, 1));
  for (unsigned i = 0; i < 90; ++i)
    model->add("small" + std::to_string(i), weights_of(40 + 37 * i, 2 + i));
  model->add_kept("kept", 3000001);
  model->add("one_slab", weights_of(262144, 100));
  model->add("binned", weights_of(33000, 101));
  model->add("two_slabs", weights_of(262145, 102));
  return model;
}

TEST(Engine, GivesTheSameForAnyNumberOfThreads) {
  const auto model = mixed_model();
  for (const int bits : {1, 3, 6}) {
    Settings settings;
    settings.tensor.bits = bits;
    const Outcome one = run(*model, settings, 1);
    for (const unsigned threads : {1U, 2U, 3U, 7U})
      expect_same(run(*model, settings, threads), one);
  }
}

/// What bits are chosen by for a size.
TEST(Engine, SurveysForeseeTheErrorOfTensorsOfSeveralSlabs) {
  TestModel model;
  model.add("large", weights_of(700001, 1));
  Settings settings;
  settings.tensor.balance = Balance::kOff;
  const std::vector<Plan> plans = {make_plan(model, settings)};
  const std::vector<Ladder> ladders = survey(model, plans, LevelDtypes::kF32);
  for (const Choice& choice : ladders.front()) {
    settings.tensor.bits = choice.bits;
    const double rho = run(model, settings, 1).report.tensors[0].codebook.rho;
    const double lost = 1 - rho * rho;
    EXPECT_NEAR(choice.error, lost, 2e-3 * lost) << choice.bits;
  }
}

TEST(Engine, ReportsWhatItWrote) {
  const auto model = mixed_model();
  for (const int bits : {2, 3, 5, 8}) {
    Settings settings;
    settings.tensor.bits = bits;
    const Outcome result = run(*model, settings, 2);
    for (std::size_t i = 0; i < model->tensors().size(); ++i) {
      const TensorReport& report = result.report.tensors[i];
      if (!report.quantized) continue;
      const std::vector<std::byte>& packed =
          result.parts[i][static_cast<std::size_t>(Part::kCodes)];
      std::vector<float> weights(report.info.count());
      std::vector<float> back(weights.size());
      model->read_floats(i, 0, weights);
      decode({reinterpret_cast<const std::uint8_t*>(packed.data()), packed.size()}, 0, bits,
             report.codebook.levels, back);
      double mean = 0;
      for (const float w : weights)
        mean += static_cast<double>(w) / static_cast<double>(weights.size());
      double variance = 0;
      double error = 0;
      double largest = 0;
      for (std::size_t k = 0; k < weights.size(); ++k) {
        const double d = static_cast<double>(weights[k]) - static_cast<double>(back[k]);
        variance +=
            (static_cast<double>(weights[k]) - mean) * (static_cast<double>(weights[k]) - mean);
        error += d * d;
        largest = std::max(largest, std::fabs(d));
      }
      EXPECT_NEAR(report.relative_error, error / variance, 1e-6 * report.relative_error)
          << report.info.name;
      EXPECT_NEAR(report.codebook.rho,
                  testing_layers::correlation(weights, {back.begin(), back.end()}), 1e-7)
          << report.info.name;
      EXPECT_GE(report.max_error, largest * (1 - 1e-6)) << report.info.name;
      EXPECT_LE(report.max_error,
                largest + 0.004 * std::fabs(static_cast<double>(report.codebook.levels.back())))
          << report.info.name;
    }
  }
}

/// More weights than are read twice, made as they are read.
class VastModel : public ModelReader {
 public:
  VastModel(std::uint64_t rows, std::uint64_t width)
      : tensors_{{"vast", {rows, width}, Dtype::kF32}} {}
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "test"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  void read(std::size_t, std::uint64_t first, std::span<std::byte> out) const override {
    bytes_read_ += out.size();
    std::uint64_t i = first / sizeof(float);
    for (std::size_t at = 0; at < out.size(); at += sizeof(float), ++i) {
      // A sum of three uniform numbers; about zero as often as negative zero.
      const std::uint64_t z = (i + 1) * 0x9e3779b97f4a7c15U;
      const std::uint64_t y = (z ^ (z >> 29)) * 0xbf58476d1ce4e5b9U;
      const double sum = static_cast<double>(y & 0xffff) + static_cast<double>(y >> 16 & 0xffff) +
                         static_cast<double>(y >> 32 & 0xffff) - 98302.5;
      const float w = i % 1000 == 0 ? -0.0F : static_cast<float>(sum * 1e-6);
      std::memcpy(out.data() + at, &w, sizeof w);
    }
  }
  [[nodiscard]] std::optional<OutputAxis> output_axis(std::size_t /*index*/) const override {
    return OutputAxis();
  }
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  std::string path_ = "vast";
  std::vector<TensorInfo> tensors_;
  mutable std::atomic<std::uint64_t> bytes_read_ = 0;
};

TEST(Engine, ReadsAVastTensorOnceWhenASampleShowsTheCodebook) {
  const VastModel model(1, (std::uint64_t{1} << 24) + 12345);
  Settings settings;
  settings.tensor.bits = 3;
  settings.tensor.balance = Balance::kOff;
  const Outcome one = run(model, settings, 1);
  EXPECT_LT(model.bytes_read(), model.tensors()[0].bytes() * 5 / 4);
  expect_same(run(model, settings, 3), one);
  // Two passes, as for a smaller tensor, can be no better than the certificate says.
  const Codebook& book = one.report.tensors[0].codebook;
  EXPECT_GT(book.rho, 0.98);
  EXPECT_LT(book.gap, 0.01 * (1 - book.rho));
}

TEST(Engine, EncodesWhileAnExactSearchProvesItsGuess) {
  const VastModel model(1, (std::uint64_t{1} << 22) + 12345);
  for (const Balance balance : {Balance::kOff, Balance::kChannel}) {
    Settings settings;
    settings.tensor.bits = 4;
    settings.tensor.balance = balance;
    settings.tensor.search = SearchRule::kExact;
    const std::uint64_t before = model.bytes_read();
    const Outcome one = run(model, settings, 1);
    EXPECT_LT(model.bytes_read() - before, model.tensors()[0].bytes() * 9 / 4);
    expect_same(run(model, settings, 3), one);
    settings.tensor.search = SearchRule::kAuto;
    EXPECT_EQ(run(model, settings, 1).parts, one.parts);
  }
}

/// What became of a tensor that was balanced for levels of a sample.
TEST(Engine, ReadsAVastTensorOnceToBalanceIt) {
  constexpr std::size_t kRows = 16500, kWidth = 1021;
  const VastModel model(kRows, kWidth);
  Settings settings;
  settings.tensor.bits = 3;
  const Outcome one = run(model, settings, 1);
  EXPECT_LT(model.bytes_read(), model.tensors()[0].bytes() * 5 / 4);
  expect_same(run(model, settings, 3), one);

  const TensorReport& report = one.report.tensors[0];
  const std::vector<float>& levels = report.codebook.levels;
  double coarsest = 0;
  for (std::size_t i = 1; i < levels.size(); ++i) {
    coarsest = std::max(coarsest, static_cast<double>(levels[i] - levels[i - 1]));
  }
  const auto codes = std::as_bytes(std::span(one.parts[0][static_cast<int>(Part::kCodes)]));
  std::vector<float> weights(kWidth), became(kWidth);
  double ww = 0, wq = 0, qq = 0;
  for (std::size_t row = 0; row < kRows; ++row) {
    model.read_floats(0, row * kWidth, weights);
    decode({reinterpret_cast<const std::uint8_t*>(codes.data()), codes.size()}, row * kWidth, 3,
           levels, became);
    double sum = 0;
    for (std::size_t i = 0; i < kWidth; ++i) {
      const double w = weights[i];
      const double q = became[i];
      sum += q - w;
      ww += w * w;
      wq += w * q;
      qq += q * q;
    }
    ASSERT_LE(std::fabs(sum), coarsest / 2) << row;
  }
  EXPECT_GT(report.balance_figures.moved, kRows);
  EXPECT_NEAR(report.codebook.rho, wq / std::sqrt(ww * qq), 1e-6);  // The mean is next to 0.
  EXPECT_NEAR(qq / ww, 1, 0.02);
}

TEST(Engine, NamesTheFirstBadTensorWhateverTheThreads) {
  TestModel model;
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (unsigned i = 0; i < 6; ++i) {
    std::vector<float> weights = weights_of(300000 + i, i);
    if (i >= 2) weights[weights.size() - 1 - std::size_t{50000} * i] = kNan;
    model.add("t" + std::to_string(i), weights);
  }
  const Plan plan = make_plan(model, {});
  for (const unsigned threads : {1U, 2U, 7U}) {
    MemorySink sink(plan);
    RunOptions options;
    options.threads = threads;
    try {
      quantize(model, plan, sink, options);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("t2"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("the first at index 200001"), std::string::npos)
          << error.what();
    }
  }
}

TEST(Engine, EndsWithTheErrorOfAWorker) {
  const auto model = mixed_model();
  const Plan plan = make_plan(*model, {});
  for (const unsigned threads : {1U, 3U}) {
    for (const int writes : {1, 5, 60}) {
      MemorySink sink(plan);
      sink.fail_after(writes);
      RunOptions options;
      options.threads = threads;
      EXPECT_THROW(quantize(*model, plan, sink, options), Error);
    }
  }
}

TEST(Engine, StopsWhenAskedTo) {
  const auto model = mixed_model();
  const Plan plan = make_plan(*model, {});
  for (const unsigned threads : {1U, 3U}) {
    MemorySink sink(plan);
    std::atomic<bool> stop = false;
    RunOptions options;
    options.threads = threads;
    options.stop = &stop;
    options.progress = [&](std::uint64_t done, std::uint64_t total) { stop = done > total / 3; };
    try {
      quantize(*model, plan, sink, options);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
    }
  }
}

TEST(Engine, ProgressEndsAtTheTotal) {
  const auto model = mixed_model();
  const Plan plan = make_plan(*model, {});
  MemorySink sink(plan);
  std::uint64_t last = 0;
  std::uint64_t all = 0;
  RunOptions options;
  options.threads = 1;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    last = done;
    all = total;
  };
  quantize(*model, plan, sink, options);
  EXPECT_EQ(last, all);
}

}  // namespace
}  // namespace wquant
