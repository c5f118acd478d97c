#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "experiments/memory_model.h"
#include "unit/layers.h"
#include "wquant/codebook.h"
#include "wquant/quantize.h"

namespace wquant {
namespace {

using namespace testing_layers;

/// Large layers of several kinds.
enum class Kind { kHeavyTail, kGaussian, kDuplicates, kZeros, kOneSign, kFarMean };
constexpr Kind kKinds[] = {Kind::kHeavyTail, Kind::kGaussian, Kind::kDuplicates,
                           Kind::kZeros,     Kind::kOneSign,  Kind::kFarMean};

std::vector<float> large_layer(Kind kind, std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> layer(size);
  for (float& w : layer) {
    const double g = gaussian(random);
    double value = g;
    if (kind == Kind::kHeavyTail) value = 0.02 * g / std::pow(1 - uniform(random), 0.3);
    if (kind == Kind::kDuplicates) value = std::round(g * 40) / 16;
    if (kind == Kind::kZeros && uniform(random) < 0.3) value = 0;
    if (kind == Kind::kOneSign) value = -std::fabs(g) - 0.01;
    if (kind == Kind::kFarMean) value = 0.5 + 0.3 * g;
    w = static_cast<float>(value);
  }
  return layer;
}

/// The largest correlation over all x0 with centroids: all weights sorted, one x0 between each two
/// at which a weight meets a boundary, and each from the sums of all its intervals.
class Reference {
 public:
  Reference(const std::vector<float>& layer, double r, int intervals) : intervals_(intervals) {
    sort(layer);
    for (int k = 1; k < intervals; ++k) {
      widths_.push_back(r == 1 ? k : (std::pow(r, k) - 1) / (r - 1));
    }
  }

  double best() {
    struct Meeting {
      double x0;
      std::size_t k;
    };
    std::vector<Meeting> meetings;
    for (const float m : magnitudes_) {
      for (std::size_t k = 0; k < widths_.size(); ++k) {
        if (m > 0) meetings.push_back({double{m} / widths_[k], k});
      }
    }
    std::sort(meetings.begin(), meetings.end(),
              [](const Meeting& a, const Meeting& b) { return a.x0 < b.x0; });
    // Boundary k lies below the weight number at[k]; all weights of zero lie below all.
    const auto zeros = std::count(magnitudes_.begin(), magnitudes_.end(), 0.0F);
    std::vector<std::size_t> at(widths_.size(), static_cast<std::size_t>(zeros));
    double best = 0;
    for (std::size_t i = 0; i < meetings.size(); ++i) {
      ++at[meetings[i].k];
      const bool tie = i + 1 < meetings.size() && meetings[i + 1].x0 == meetings[i].x0;
      if (!tie) best = std::max(best, rho(at));
    }
    return best;
  }

 private:
  void sort(std::vector<float> layer) {
    std::sort(layer.begin(), layer.end(),
              [](float a, float b) { return std::fabs(a) < std::fabs(b); });
    sums_.assign(1, 0);
    signed_sums_.assign(1, 0);
    signs_.assign(1, 0);
    long double squares = 0;
    for (const float w : layer) {
      magnitudes_.push_back(std::fabs(w));
      sums_.push_back(sums_.back() + std::fabs(static_cast<long double>(w)));
      signed_sums_.push_back(signed_sums_.back() + static_cast<long double>(w));
      signs_.push_back(signs_.back() + (w < 0 ? -1 : 1));
    }
    mean_ = signed_sums_.back() / static_cast<long double>(layer.size());
    for (const float w : layer) {
      const long double d = static_cast<long double>(w) - mean_;
      squares += d * d;
    }
    variance_ = squares / static_cast<long double>(layer.size());
  }

  double rho(const std::vector<std::size_t>& at) const {
    const auto n = static_cast<long double>(magnitudes_.size());
    long double a = 0;
    long double b = 0;
    for (int k = 0; k < intervals_; ++k) {
      const auto i = static_cast<std::size_t>(k);
      const std::size_t from = k == 0 ? 0 : at[i - 1];
      const std::size_t to = k + 1 == intervals_ ? magnitudes_.size() : at[i];
      if (from >= to) continue;
      const long double sum = sums_[to] - sums_[from];
      const long double v = sum / static_cast<long double>(to - from);
      a += v * sum / n;
      b += v * (signs_[to] - signs_[from]) / n;
    }
    const long double spread = a - b * b;
    if (spread <= 0) return 0;
    return static_cast<double>((a - mean_ * b) / std::sqrt(variance_ * spread));
  }

  int intervals_;
  std::vector<double> widths_;
  std::vector<float> magnitudes_;                        // Ascending.
  std::vector<long double> sums_, signed_sums_, signs_;  // Over the first i weights.
  long double mean_ = 0, variance_ = 0;
};

TensorSettings settings_of(const std::string& items) {
  TensorSettings settings;
  wquant::apply(settings, items);
  return settings;
}

/// Compares an exact search with the reference and with the ordinary search.
void expect_best(const std::vector<float>& layer, const std::string& items) {
  const Codebook ordinary = fit_codebook(layer, settings_of(items + ",zero=off"));
  const Codebook exact = fit_codebook(layer, settings_of(items + ",search=exact"));
  const double best = Reference(layer, exact.ratio, 1 << (exact.bits - 1)).best();
  EXPECT_EQ(exact.ratio, ordinary.ratio);
  EXPECT_GE(exact.rho, ordinary.rho);
  EXPECT_NEAR(exact.rho, std::max(best, ordinary.rho), 1e-12);
  EXPECT_LE(best, exact.rho + exact.gap + 1e-13);
  EXPECT_LE(exact.gap, 1e-11);
}

TEST(ExactSearch, FindsTheBestX0OfLargeTensors) {
  const std::string modes[] = {"mode=linear", "mode=exp,ratio=1.4"};
  std::uint64_t seed = 1;
  for (const Kind kind : kKinds) {
    for (const std::string& mode : modes) {
      const int bits = 2 + static_cast<int>(seed % 4);
      const std::vector<float> layer = large_layer(kind, 60'000 + 20'000 * (seed % 3), seed);
      ++seed;
      SCOPED_TRACE(testing::Message()
                   << "kind " << static_cast<int>(kind) << " " << mode << " bits " << bits);
      expect_best(layer, mode + ",bits=" + std::to_string(bits));
    }
  }
}

TEST(ExactSearch, FindsTheBestX0OfSortedTensors) {
  for (const Kind kind : kKinds) {
    for (const std::string mode : {"mode=linear,bits=3", "mode=exp,ratio=1.2,bits=4"}) {
      SCOPED_TRACE(testing::Message() << "kind " << static_cast<int>(kind) << " " << mode);
      expect_best(large_layer(kind, 20'000, 77), mode);
    }
  }
}

TEST(ExactSearch, IsNeverWorseThanTheOrdinaryOneForASearchedRatio) {
  for (const int bits : {2, 3, 4, 8}) {
    const std::vector<float> layer = large_layer(Kind::kHeavyTail, 50'000, 5);
    const std::string items = "bits=" + std::to_string(bits);
    const Codebook ordinary = fit_codebook(layer, settings_of(items));
    const Codebook exact = fit_codebook(layer, settings_of(items + ",search=exact"));
    EXPECT_GE(exact.rho, ordinary.rho) << bits;
    EXPECT_LE(exact.rho + exact.gap, ordinary.rho + ordinary.gap + 1e-12) << bits;
    if (bits > 4) continue;
    const double best = Reference(layer, exact.ratio, 1 << (bits - 1)).best();
    EXPECT_LE(best, exact.rho + 1e-12) << bits;
  }
}

TEST(ExactSearch, SmallLayersOfEveryShape) {
  std::mt19937_64 random(11);
  for (const Shape shape : kShapes) {
    for (std::size_t size = 2; size < 60; size += 1 + size / 4) {
      const std::vector<float> layer = make_layer(shape, size, random);
      if (correlation(layer, {layer.begin(), layer.end()}) == 0) continue;
      SCOPED_TRACE(testing::Message() << "shape " << static_cast<int>(shape) << " size " << size);
      const Codebook exact = fit_codebook(layer, settings_of("mode=linear,bits=3,search=exact"));
      const double best = Reference(layer, 1, 4).best();
      EXPECT_NEAR(exact.rho, best, 1e-12);
      EXPECT_LE(exact.gap, 1e-11);
    }
  }
}

TEST(ExactSearch, ConstantTensorsLoseNothing) {
  for (const std::size_t size : {1U, 100U, 40'000U}) {
    for (const float value : {0.0F, 1.5F, -3e-40F}) {
      const std::vector<float> layer(size, value);
      for (const char* items : {"search=exact", "search=exact,mode=linear,bits=8"}) {
        const Codebook book = fit_codebook(layer, settings_of(items));
        EXPECT_EQ(book.rho, 1) << items << " " << value;
        EXPECT_EQ(book.gap, 0) << items << " " << value;
      }
    }
  }
  EXPECT_EQ(fit_codebook(std::vector<float>(), settings_of("search=exact")).levels.size(), 16U);
}

/// Keeps what is written.
class MemorySink : public PartSink {
 public:
  MemorySink(std::uint64_t code_bytes, std::uint64_t level_bytes)
      : codes(code_bytes), levels(level_bytes / 4) {}
  void write(std::size_t /*tensor*/, Part part, std::uint64_t offset,
             std::span<const std::byte> bytes) override {
    std::byte* out = part == Part::kCodes ? reinterpret_cast<std::byte*>(codes.data())
                                          : reinterpret_cast<std::byte*>(levels.data());
    std::memcpy(out + offset, bytes.data(), bytes.size());
  }
  std::vector<std::uint8_t> codes;
  std::vector<float> levels;
};

struct Outcome {
  TensorReport report;
  std::uint64_t done = 0, total = 0;
  std::vector<std::uint8_t> codes;
  std::vector<float> levels;
};

Outcome quantized(const std::vector<float>& layer, const std::string& items, unsigned threads) {
  MemoryModel model;
  model.add({"layer", {1, layer.size()}, Dtype::kF32}, std::as_bytes(std::span(layer)));
  Settings settings;
  settings.tensor = settings_of(items);
  const Plan plan = make_plan(model, settings);
  MemorySink sink(part_size(plan.tensors[0], Part::kCodes),
                  part_size(plan.tensors[0], Part::kLevels));
  Outcome out;
  RunOptions options;
  options.threads = threads;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    out.done = std::max(out.done, done);
    out.total = total;
  };
  out.report = quantize(model, plan, sink, options).tensors[0];
  out.codes = sink.codes;
  out.levels = sink.levels;
  return out;
}

class ExactRun : public testing::TestWithParam<const char*> {};

TEST_P(ExactRun, ReportsWhatIsDecodedWhateverTheThreads) {
  const std::string items = std::string(GetParam()) + ",search=exact";
  for (const std::size_t size : {30'000U, 200'000U, 900'001U}) {
    const std::vector<float> layer = large_layer(Kind::kHeavyTail, size, size);
    const Outcome one = quantized(layer, items, 1);
    const Outcome three = quantized(layer, items, 3);
    EXPECT_EQ(one.codes, three.codes) << size;
    EXPECT_EQ(one.levels, three.levels) << size;
    EXPECT_EQ(one.report.codebook.gap, three.report.codebook.gap) << size;
    EXPECT_EQ(one.done, one.total) << size;

    std::vector<float> decoded(size);
    decode(one.codes, 0, one.report.codebook.bits, one.levels, decoded);
    double error = 0;
    double largest = 0;
    double most = 0;
    double mean = 0;
    for (const float w : layer) mean += static_cast<double>(w) / static_cast<double>(size);
    double power = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const double e = static_cast<double>(layer[i]) - static_cast<double>(decoded[i]);
      const double d = static_cast<double>(layer[i]) - mean;
      error += e * e;
      power += d * d;
      largest = std::max(largest, std::fabs(e));
      most = std::max(most, std::fabs(static_cast<double>(layer[i])));
    }
    EXPECT_NEAR(correlation(layer, {decoded.begin(), decoded.end()}), one.report.codebook.rho, 1e-7)
        << size;
    EXPECT_NEAR(one.report.relative_error / (error / power), 1, 1e-9) << size;
    EXPECT_GE(one.report.max_error, largest) << size;
    EXPECT_LE(one.report.max_error, largest + most * 0x1p-9) << size;  // A bin's width.
  }
}

/// The largest of the layers is encoded while the search proves that nothing is better, or once
/// more: where that is not so, at 8 bits of mode linear.
INSTANTIATE_TEST_SUITE_P(Modes, ExactRun,
                         testing::Values("bits=2", "bits=3,mode=linear", "bits=4,ratio=1.4",
                                         "bits=5,mode=linear", "bits=8", "bits=8,mode=linear",
                                         "bits=6,ratio=1.2", "bits=1", "bits=3,balance=off",
                                         "bits=8,balance=off", "bits=8,mode=linear,balance=off"));

}  // namespace
}  // namespace wquant
