#include "sample_files.h"

#include <algorithm>
#include <string>

#include "wquant/error.h"

namespace wquant::sample {
namespace {

std::uint64_t u64(auto value) { return static_cast<std::uint64_t>(value); }

std::vector<std::uint64_t> weight_shape(const Layer& layer) {
  const std::uint64_t rows = u64(layer.weight.rows());
  if (layer.side > 0) return {rows, u64(layer.inputs), 3, 3};
  return {rows, u64(layer.inputs)};
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

std::vector<std::uint8_t> read_bytes(const ModelReader& model, const std::string& name) {
  const std::size_t index = find(model, name, {});
  std::vector<std::uint8_t> bytes(model.tensors()[index].bytes());
  model.read(index, 0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

}  // namespace

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

void read_network(const ModelReader& model, Network& network) {
  for (Layer& layer : network.layers()) {
    const auto weights = std::span(layer.weight.data(), u64(layer.weight.size()));
    const auto bias = std::span(layer.bias.data(), u64(layer.bias.size()));
    model.read_floats(find(model, layer.name + ".weight", weight_shape(layer)), 0, weights);
    model.read_floats(find(model, layer.name + ".bias", {u64(bias.size())}), 0, bias);
  }
}

Network read_network(const ModelReader& model) {
  Network network;
  read_network(model, network);
  return network;
}

Network read_mask(const ModelReader& model, Network network) {
  for (Layer& layer : network.layers()) {
    layer.weight.setOnes();
    const std::string name = layer.name + ".weight";
    if (std::ranges::find(model.tensors(), name, &TensorInfo::name) == model.tensors().end())
      continue;
    const std::vector<std::uint8_t> kept = read_bytes(model, name);
    if (kept.size() != u64(layer.weight.size())) {
      throw Error("expected one byte a weight").at_tensor(name).at_file(model.path());
    }
    std::ranges::transform(kept, layer.weight.data(),
                           [](std::uint8_t k) { return k != 0 ? 1.0F : 0.0F; });
  }
  return network;
}

ImageSet read_images(const ModelReader& model) {
  ImageSet set{read_bytes(model, "images"), read_bytes(model, "labels")};
  if (set.labels.empty() || set.pixels.size() != set.size() * kPixels) {
    throw Error("images and labels do not match").at_file(model.path());
  }
  return set;
}

}  // namespace wquant::sample
