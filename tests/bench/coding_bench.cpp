// What coded weights take, against their order-0 entropy, and how fast they are coded and decoded.
// Usage: coding_bench [MODEL...]. Prints for the Gaussian, the Laplace distribution and each model,
// in intervals of several widths: bits a weight of the entropy, of all bytes and of the tables
// among them, bytes beyond the entropy and the table in per cent, and MB of float32 a second.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "bench/coders.h"
#include "bench/weights.h"
#include "wquant/error.h"

namespace wquant::bench {
namespace {

constexpr int kRuns = 7;

/// Seconds of the fastest run.
template <typename F>
double seconds(F&& f) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double entropy_bits(const std::vector<std::uint64_t>& counts) {
  double all = 0, bits = 0;
  for (const std::uint64_t n : counts) all += static_cast<double>(n);
  for (const std::uint64_t n : counts) {
    if (n > 0) bits += static_cast<double>(n) * std::log2(all / static_cast<double>(n));
  }
  return bits;
}

struct Sums {
  double weights = 0, entropy = 0, bits = 0, table_bits = 0, encode = 0, decode = 0;
};

void measure(const Coder& coder, const std::vector<std::uint8_t>& codes, Sums& sums) {
  std::vector<std::uint64_t> counts(*std::ranges::max_element(codes) + std::size_t{1});
  for (const std::uint8_t code : codes) ++counts[code];
  std::vector<std::uint8_t> coded;
  std::vector<std::uint8_t> back(codes.size());
  sums.encode += seconds([&] { coded = coder.encode(counts, codes); });
  sums.decode += seconds([&] { coder.decode(coded, back); });
  if (back != codes) throw Error("the codes do not come back");
  sums.weights += static_cast<double>(codes.size());
  sums.entropy += entropy_bits(counts);
  sums.bits += 8 * static_cast<double>(coded.size());
  sums.table_bits += 8 * static_cast<double>(coder.table_bytes(counts.size()));
}

void print_row(const WeightSet& set, double width, const Coder& coder) {
  Sums sums;
  for (const auto& weights : set.tensors) measure(coder, linear_codes(weights, width), sums);
  const double n = sums.weights;
  fmt::print("{:22} {:5} {:13} {:8.4f} {:8.4f} {:7.4f} {:+7.2f} {:7.0f} {:7.0f}\n", set.name, width,
             coder.name, sums.entropy / n, sums.bits / n, sums.table_bits / n,
             100 * ((sums.bits - sums.table_bits) / sums.entropy - 1), 4e-6 * n / sums.encode,
             4e-6 * n / sums.decode);
}

void print_all(const std::vector<std::string>& models) {
  fmt::print("{:22} {:>5} {:13} {:>8} {:>8} {:>7} {:>7} {:>7} {:>7}\n", "weights", "width", "coder",
             "entropy", "bits", "tables", "more %", "enc", "dec");
  for (const WeightSet& set : weight_sets(models)) {
    for (const double width : {2.0, 1.0, 0.5, 0.25, 0.1, 0.05}) {
      for (const Coder& coder : coders()) print_row(set, width, coder);
    }
  }
}

}  // namespace
}  // namespace wquant::bench

int main(int argc, char** argv) {
  try {
    wquant::bench::print_all({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "coding_bench: {}\n", error.what());
    return 1;
  }
}
