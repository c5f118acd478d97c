// Wquant's scales beside the usual baselines, at no more bits a weight than they take.
// Usage: baselines_bench MODEL. Prints for 3 and 4 bits and groups of 32 and 64 weights the bits a
// weight (codes, half-float scales, levels), the mean and the lowest correlation of the tensors of
// two or more dimensions, and the sum of their errors 1 - rho^2. Wquant's groups are larger by so
// many weights that its levels are paid for. Fails where a baseline has the larger mean or the
// smaller error.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "bench/group_baselines.h"
#include "bench/weights.h"
#include "wquant/error.h"
#include "wquant/formats.h"
#include "wquant/quantize.h"

namespace wquant::bench {
namespace {

/// What a method makes of a model.
struct Score {
  double bits = 0;  ///< A weight.
  double mean = 0, lowest = 1, error = 0;
};

Score score_of(const std::vector<double>& correlations, double bits, double weights) {
  Score score{bits / weights};
  for (const double rho : correlations) {
    score.mean += rho / static_cast<double>(correlations.size());
    score.lowest = std::min(score.lowest, rho);
    score.error += 1 - rho * rho;
  }
  return score;
}

struct Baseline {
  const char* name;
  UnitLevels (*levels)(int bits);
};
constexpr std::array<Baseline, 2> kBaselines = {
    {{"integer, absmax", integer_levels}, {"normal float", normal_levels}}};

Score measure(const Baseline& baseline, int bits, std::size_t group, const WeightSet& set) {
  const UnitLevels levels = baseline.levels(bits);
  std::vector<double> correlations;
  double weights = 0;
  double all_bits = 0;
  for (const std::vector<float>& tensor : set.tensors) {
    correlations.push_back(correlation(tensor, quantize_groups(tensor, group, levels)));
    const auto n = static_cast<double>(tensor.size());
    weights += n;
    all_bits += n * bits + 16 * std::ceil(n / static_cast<double>(group));
  }
  return score_of(correlations, all_bits, weights);
}

/// Takes nothing.
class NoSink : public PartSink {
 public:
  void write(std::size_t /*tensor*/, Part /*part*/, std::uint64_t /*offset*/,
             std::span<const std::byte> /*bytes*/) override {}
};

Plan plan_groups(const ModelReader& model, const std::string& mode, int bits, std::size_t group) {
  Settings settings;
  wquant::apply(settings.tensor,
                fmt::format("mode={},bits={},granularity=group:{},balance=off", mode, bits, group));
  return make_plan(model, settings);
}

double bits_a_weight(const Plan& plan) {
  double bits = 0;
  double weights = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    if (!tensor.quantized) continue;
    bits += 8 * static_cast<double>(stored_size(tensor));
    weights += static_cast<double>(tensor.info.count());
  }
  return bits / weights;
}

/// With the smallest groups that take no more bits.
Score measure(const std::string& mode, int bits, std::size_t& group, double most,
              const ModelReader& model) {
  Plan plan = plan_groups(model, mode, bits, group);
  while (bits_a_weight(plan) > most) plan = plan_groups(model, mode, bits, ++group);
  NoSink sink;
  const Report report = quantize(model, plan, sink);
  std::vector<double> correlations;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    if (plan.tensors[i].quantized) correlations.push_back(report.tensors[i].codebook.rho);
  }
  return score_of(correlations, bits_a_weight(plan), 1);
}

void print_row(const std::string& name, int bits, std::size_t group, const Score& score) {
  fmt::print("{:15}  {:4}  {:5}  {:8.3f}  {:.5f}  {:.5f}  {:7.4f}\n", name, bits, group, score.bits,
             score.mean, score.lowest, score.error);
}

/// Whether wquant is nowhere behind.
bool compare(const ModelReader& model, const WeightSet& set, int bits, std::size_t group) {
  std::vector<Score> baselines;
  for (const Baseline& baseline : kBaselines) {
    baselines.push_back(measure(baseline, bits, group, set));
    print_row(baseline.name, bits, group, baselines.back());
  }
  bool good = true;
  for (const std::string mode : {"exp", "kmeans"}) {
    std::size_t larger = group;
    const Score ours = measure(mode, bits, larger, baselines.front().bits, model);
    print_row("wquant " + mode, bits, larger, ours);
    for (const Score& other : baselines) {
      good = good && ours.mean >= other.mean && ours.error <= other.error;
    }
  }
  return good;
}

bool compare_all(const std::string& path) {
  const auto model = open_model(path);
  const WeightSet set = read_weights(path);
  fmt::print("{:15}  {:>4}  {:>5}  {:>8}  {:7}  {:7}  {:>7}\n", "method", "bits", "group",
             "bits/wt.", "mean", "lowest", "error");
  bool good = true;
  for (const int bits : {3, 4}) {
    for (const std::size_t group : {32U, 64U}) good = compare(*model, set, bits, group) && good;
  }
  return good;
}

}  // namespace
}  // namespace wquant::bench

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw wquant::Error("give one model", "baselines_bench MODEL");
    return wquant::bench::compare_all(argv[1]) ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "baselines_bench: {}\n", error.what());
    return 1;
  }
}
