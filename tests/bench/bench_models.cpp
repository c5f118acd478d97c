// Writes the models that scripts/bench measures with: heavy-tailed random weights, the same on
// every machine.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

/// Quantile function of Student's t with 4 degrees of freedom (Shaw, Sampling Student's t
/// distribution, 2006): tails like those of the layers of large networks.
float heavy_tailed(double p) {
  const double a = std::sqrt(4 * p * (1 - p));
  const double q = std::cos(std::acos(a) / 3) / a;
  return static_cast<float>(std::copysign(2 * std::sqrt(std::max(0.0, q - 1)), p - 0.5) * 0.02);
}

/// A model whose weights are made as they are read.
class RandomModel : public ModelReader {
 public:
  void add(std::vector<std::uint64_t> shape) {
    tensors_.push_back({fmt::format("layer{}.weight", tensors_.size()), std::move(shape)});
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "random"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    std::uint64_t weight = index << 40 | first / sizeof(float);
    for (std::size_t at = 0; at < out.size(); at += sizeof(float)) {
      const float w = heavy_tailed((static_cast<double>(mix(weight++) >> 12) + 0.5) * 0x1p-52);
      std::memcpy(out.data() + at, &w, sizeof w);
    }
  }

 private:
  /// Output `i` of the SplitMix64 generator (Steele, Lea, Flood: Fast splittable pseudorandom
  /// number generators, 2014).
  static std::uint64_t mix(std::uint64_t i) {
    std::uint64_t z = (i + 1) * 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  std::string path_ = "random";
  std::vector<TensorInfo> tensors_;
};

void write_all(const std::string& folder, double gib) {
  const auto rows = static_cast<std::uint64_t>(gib * (1 << 18));
  RandomModel one;
  one.add({rows, 1024});
  write_model(one, folder + "/one.npy", {}, Overwrite::kReplace);
  RandomModel hundred;
  for (int i = 0; i < 100; ++i) hundred.add({rows / 100, 1024});
  write_model(hundred, folder + "/hundred.npz", {}, Overwrite::kReplace);
  write_model(hundred, folder + "/hundred.safetensors", {}, Overwrite::kReplace);
  RandomModel many;
  for (std::uint64_t i = 0; i < 20000; ++i) many.add({8, 8 + i * 7919 % 505});
  write_model(many, folder + "/many.safetensors", {}, Overwrite::kReplace);
  write_model(many, folder + "/many.npz", {}, Overwrite::kReplace);
}

}  // namespace
}  // namespace wquant

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: bench_models FOLDER GIB\n");
    return 2;
  }
  try {
    wquant::write_all(argv[1], std::stod(argv[2]));
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_models: {}\n", error.what());
    return 1;
  }
}
