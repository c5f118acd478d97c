// Speed of the inner loops: bytes of float32 weights a second, for every implementation that this
// machine runs.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"
#include "wquant/codebook.h"

namespace wquant {
namespace {

/// As many weights as are worked on at a time: they stay in the second-level cache.
constexpr std::size_t kWeights = std::size_t{1} << 14;

std::vector<float> make_weights() {
  std::mt19937 random(1);
  std::student_t_distribution<float> heavy(4);
  std::vector<float> weights(kWeights);
  for (float& w : weights) w = 0.02F * heavy(random);
  return weights;
}

std::vector<float> make_thresholds(int bits) {
  std::vector<float> thresholds;
  const int half = 1 << (bits - 1);
  for (int k = 1 - half; k <= half; ++k) {
    thresholds.push_back(static_cast<float>(k) * 0.1F / static_cast<float>(half));
  }
  return thresholds;
}

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(kWeights * sizeof(float)));
}

void count_keys(benchmark::State& state, const Kernels& kernels) {
  const std::vector<float> weights = make_weights();
  std::vector<std::uint64_t> table(kKeys);
  MomentSums sums = {};
  for (auto _ : state) kernels.count_keys(weights.data(), kWeights, table.data(), 0, &sums);
  count_bytes(state);
}

void find_codes(benchmark::State& state, const Kernels& kernels, int bits) {
  const std::vector<float> weights = make_weights();
  const std::vector<float> thresholds = make_thresholds(bits);
  std::vector<std::uint8_t> codes(kWeights);
  for (auto _ : state) {
    kernels.find_codes(weights.data(), kWeights, thresholds.data(), bits, codes.data());
  }
  count_bytes(state);
}

void look_up_edge_codes(benchmark::State& state, const Kernels& kernels) {
  const std::vector<float> weights = make_weights();
  const std::vector<std::uint8_t> key_codes(kKeys);
  std::vector<std::uint8_t> codes(kWeights);
  for (auto _ : state) {
    kernels.look_up_edge_codes(weights.data(), kWeights, key_codes.data(), codes.data());
  }
  count_bytes(state);
}

/// Of seven narrow ranges, by their edges or by flags.
void select_wanted(benchmark::State& state, const Kernels& kernels, bool by_edges) {
  const std::vector<float> weights = make_weights();
  std::vector<float> edges;
  std::vector<std::uint8_t> flags(kKeys / 2);
  for (std::uint32_t key = std::bit_cast<std::uint32_t>(0.005F) >> kKeyShift; edges.size() < 14;
       key += 400) {
    edges.push_back(std::bit_cast<float>(key << kKeyShift));
    edges.push_back(std::bit_cast<float>((key + 20) << kKeyShift));
    std::fill_n(flags.begin() + key, 20, std::uint8_t{1});
  }
  edges.resize(kWantedEdges, std::numeric_limits<float>::infinity());
  std::vector<float> found(kWeights);
  const WantedKeys wanted = {flags.data(), by_edges ? edges.data() : nullptr};
  for (auto _ : state) {
    benchmark::DoNotOptimize(kernels.select_wanted(weights.data(), kWeights, wanted, found.data()));
  }
  count_bytes(state);
}

void pack(benchmark::State& state, const Kernels& kernels, int bits) {
  const std::vector<std::uint8_t> codes(kWeights);
  std::vector<std::uint8_t> packed(packed_size(kWeights, bits));
  for (auto _ : state) kernels.pack(codes.data(), kWeights, bits, packed.data());
  count_bytes(state);
}

void decode(benchmark::State& state, const Kernels& kernels, int bits) {
  const std::vector<std::uint8_t> packed(packed_size(kWeights, bits));
  const std::vector<float> levels = make_thresholds(bits);
  std::vector<std::uint8_t> codes(kWeights);
  std::vector<float> out(kWeights);
  for (auto _ : state) {
    kernels.unpack(packed.data(), packed.size(), kWeights, bits, codes.data());
    kernels.expand(codes.data(), kWeights, levels.data(), bits, out.data());
  }
  count_bytes(state);
}

void register_all() {
  const auto add = [](std::string_view what, const Kernels& kernels, auto&& f) {
    benchmark::RegisterBenchmark(fmt::format("{}/{}", what, kernels.name).c_str(), f);
  };
  const KernelList list = runnable_kernels();
  for (std::size_t i = 0; i < list.size; ++i) {
    const Kernels& kernels = *list.begin[i];
    add("count_keys", kernels, [&](benchmark::State& state) { count_keys(state, kernels); });
    add("look_up_edge_codes", kernels,
        [&](benchmark::State& state) { look_up_edge_codes(state, kernels); });
    add("select_wanted/edges", kernels,
        [&](benchmark::State& state) { select_wanted(state, kernels, true); });
    add("select_wanted/flags", kernels,
        [&](benchmark::State& state) { select_wanted(state, kernels, false); });
    for (int bits = 1; bits <= 8; ++bits) {
      add(fmt::format("find_codes/{}", bits), kernels,
          [&kernels, bits](benchmark::State& state) { find_codes(state, kernels, bits); });
      add(fmt::format("pack/{}", bits), kernels,
          [&kernels, bits](benchmark::State& state) { pack(state, kernels, bits); });
      add(fmt::format("decode/{}", bits), kernels,
          [&kernels, bits](benchmark::State& state) { decode(state, kernels, bits); });
    }
  }
}

}  // namespace
}  // namespace wquant

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  wquant::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
