#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "formats/safetensors_support.h"
#include "unit/engine_support.h"
#include "unit/hard_numbers.h"
#include "wquant/measure.h"

// Figures of a tensor of many weights against sums in long double: in 2^23 weights, or as many as
// the environment variable WQUANT_TEST_WEIGHTS says.
namespace wquant {
namespace {

using namespace testing_numbers;
using testing_engine::TestModel;

constexpr std::size_t kColumns = 4096;
constexpr std::size_t kPiece = std::size_t{1} << 20;

std::size_t rows() {
  const char* count = std::getenv("WQUANT_TEST_WEIGHTS");
  return (count != nullptr ? std::strtoull(count, nullptr, 10) : 1 << 23) / kColumns;
}

struct Kind {
  const char* name;
  double factor, mean;
};
constexpr Kind kKinds[] = {{"far", 1e-3, 1}, {"large", 1e30, 0}, {"small", 1e-36, 0}};

/// Bell-shaped with heavy tails: sums of four equal shares of an octave, some times 16.
std::vector<float> weights_of(const Kind& kind) {
  std::vector<float> weights(rows() * kColumns);
  std::uint64_t state = 88172645463325252ULL;
  for (float& w : weights) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    double sum = 0;
    for (int part = 0; part < 4; ++part) sum += static_cast<double>(state >> 16 * part & 0xFFFF);
    const double unit = (sum / 65536 - 2) * (state % 61 == 0 ? 16 : 1);
    w = static_cast<float>(unit * kind.factor + kind.mean);
  }
  return weights;
}

/// Calls f(before, after) for the weights and what the file has of them, piece by piece.
template <typename F>
void for_pieces(const std::vector<float>& weights, const ModelReader& file, F&& f) {
  std::vector<float> after(kPiece);
  for (std::size_t at = 0; at < weights.size(); at += kPiece) {
    const std::size_t n = std::min(kPiece, weights.size() - at);
    file.read_floats(0, at, std::span(after).first(n));
    f(std::span(weights).subspan(at, n), std::span(after).first(n));
  }
}

Reference reference_of(const std::vector<float>& weights, const ModelReader& file) {
  Reference reference;
  for_pieces(weights, file, [&](auto w, auto q) { reference.add_to_means(w, q); });
  reference.end_means();
  for_pieces(weights, file, [&](auto w, auto q) { reference.add(w, q); });
  return reference;
}

class ManyWeights : public testing::TestWithParam<Kind> {};

TEST_P(ManyWeights, FiguresAreThoseOfLongDoubleSums) {
  const test::Folder folder;
  const std::vector<float> weights = weights_of(GetParam());
  TestModel model;
  model.add("w", {rows(), kColumns}, weights, OutputAxis());
  for (const char* items :
       {"bits=3", "bits=4,granularity=group:64", "bits=3,coding=entropy,granularity=channel"}) {
    SCOPED_TRACE(items);
    const auto path = folder / "many.safetensors";
    const TensorReport report = write_quantized(model, settings_of(items), path).tensors[0];
    const auto file = open_model(path);
    const Reference truth = reference_of(weights, *file);
    const auto rho = static_cast<double>(truth.rho());
    const auto error = static_cast<double>(truth.relative_error());
    const auto most = static_cast<double>(truth.max_error());
    EXPECT_NEAR(report.codebook.rho, rho, 1e-3 * (1 - rho) + 1e-9);
    EXPECT_NEAR(report.relative_error, error, 1e-3 * error);
    EXPECT_GE(report.max_error * (1 + 1e-3), most);
    const auto measured = measure_errors(model, *file, std::vector<TensorPair>{{0, 0}})[0];
    EXPECT_NEAR(measured.rho, rho, 1e-9);
    EXPECT_NEAR(measured.relative_error, error, 1e-9 * error);
    EXPECT_NEAR(measured.max_error, most, 1e-12 * most);
    RecordProperty(
        std::string(items),
        fmt::format(
            "of {:.6g} lost, the report's rho is off by {:.2g}, the measured one by {:.2g}; "
            "errors by {:.2g} and {:.2g} of themselves",
            1 - rho, report.codebook.rho - rho, measured.rho - rho,
            report.relative_error / error - 1, measured.relative_error / error - 1));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ManyWeights, testing::ValuesIn(kKinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace wquant
