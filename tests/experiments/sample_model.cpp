// Makes the sample model in data/ and measures how well a version of it classifies.
//
//   sample_model train FOLDER              writes FOLDER/sample.npz and FOLDER/sample_test.npz
//   sample_model evaluate WEIGHTS [TEST]   prints the percentage of TEST that WEIGHTS gets right

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "memory_model.h"
#include "sample_images.h"
#include "sample_network.h"
#include "sample_training.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace {

using namespace wquant;
using namespace wquant::sample;
namespace fs = std::filesystem;

constexpr std::size_t kTrainImages = 30000, kTestImages = 2000;
constexpr std::uint64_t kTrainSeed = 1, kTestSeed = 2, kWeightSeed = 3;

std::uint64_t u64(auto value) { return static_cast<std::uint64_t>(value); }

std::vector<std::uint64_t> weight_shape(const Layer& layer) {
  const std::uint64_t rows = u64(layer.weight.rows());
  if (layer.side > 0) return {rows, u64(layer.inputs), 3, 3};
  return {rows, u64(layer.inputs)};
}

void fill(MemoryModel& model, const Network& network) {
  for (const Layer& layer : network.layers()) {
    const auto weights = std::span(layer.weight.data(), u64(layer.weight.size()));
    const auto bias = std::span(layer.bias.data(), u64(layer.bias.size()));
    model.add({layer.name + ".weight", weight_shape(layer), Dtype::kF32}, std::as_bytes(weights));
    model.add({layer.name + ".bias", {u64(bias.size())}, Dtype::kF32}, std::as_bytes(bias));
  }
}

void fill(MemoryModel& model, const ImageSet& set) {
  model.add({"images", {set.size(), 1, kSide, kSide}, Dtype::kU8},
            std::as_bytes(std::span(set.pixels)));
  model.add({"labels", {set.size()}, Dtype::kU8}, std::as_bytes(std::span(set.labels)));
}

/// Index of the tensor of that name and, unless it is empty, shape. Throws Error.
std::size_t find(const ModelReader& model, const std::string& name,
                 const std::vector<std::uint64_t>& shape) {
  const auto& tensors = model.tensors();
  const auto it = std::find_if(tensors.begin(), tensors.end(),
                               [&](const TensorInfo& info) { return info.name == name; });
  if (it == tensors.end()) throw Error("no such tensor").at_tensor(name).at_file(model.path());
  if (!shape.empty() && it->shape != shape) {
    throw Error("expected shape " + shape_text(shape)).at_tensor(name).at_file(model.path());
  }
  return static_cast<std::size_t>(it - tensors.begin());
}

Network read_network(const ModelReader& model) {
  Network network;
  for (Layer& layer : network.layers()) {
    const auto weights = std::span(layer.weight.data(), u64(layer.weight.size()));
    const auto bias = std::span(layer.bias.data(), u64(layer.bias.size()));
    model.read_floats(find(model, layer.name + ".weight", weight_shape(layer)), 0, weights);
    model.read_floats(find(model, layer.name + ".bias", {u64(bias.size())}), 0, bias);
  }
  return network;
}

std::vector<std::uint8_t> read_bytes(const ModelReader& model, const std::string& name) {
  const std::size_t index = find(model, name, {});
  std::vector<std::uint8_t> bytes(model.tensors()[index].bytes());
  model.read(index, 0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

ImageSet read_images(const ModelReader& model) {
  ImageSet set{read_bytes(model, "images"), read_bytes(model, "labels")};
  if (set.labels.empty() || set.pixels.size() != set.size() * kPixels) {
    throw Error("images and labels do not match").at_file(model.path());
  }
  return set;
}

/// Writes a network or a set of images.
void write(const auto& content, const fs::path& path) {
  MemoryModel model;
  fill(model, content);
  write_model(model, path, "npz", Overwrite::kReplace);
}

int train_command(const fs::path& folder) {
  const ImageSet test = draw_images(kTestImages, kTestSeed);
  const Network network = train(draw_images(kTrainImages, kTrainSeed), kWeightSeed);
  std::fprintf(stderr, "%.2f %% of the test images\n", accuracy(network, test));
  fs::create_directories(folder);
  write(network, folder / "sample.npz");
  write(test, folder / "sample_test.npz");
  return 0;
}

int evaluate_command(const fs::path& weights, const fs::path& test) {
  const Network network = read_network(*open_model(weights));
  std::printf("%.2f\n", accuracy(network, read_images(*open_model(test))));
  return 0;
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 2 && words[0] == "train") return train_command(words[1]);
  if ((words.size() == 2 || words.size() == 3) && words[0] == "evaluate") {
    return evaluate_command(words[1], words.size() == 3 ? words[2] : WQUANT_SAMPLE_TEST);
  }
  std::fputs("usage: sample_model train FOLDER | evaluate WEIGHTS [TEST]\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    // Fixed sizes, so that sums are formed in the same order on every CPU.
    Eigen::setCpuCacheSizes(32 << 10, 256 << 10, 2 << 20);
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sample_model: %s\n", error.what());
    return 1;
  }
}
