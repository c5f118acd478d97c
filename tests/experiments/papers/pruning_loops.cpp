#include "pruning_loops.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fingerprint_training.h"
#include "sample_files.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant::papers {
namespace {

namespace fs = std::filesystem;

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw Error("failed: " + command);
}

nlohmann::json prune(const PruningPrograms& programs, std::uint64_t seed,
                     const std::string& method) {
  const std::string program = fmt::format("'{}'", programs.fingerprints.string());
  const std::string folder = programs.folder.string();
  run(fmt::format("rm -rf '{0}' && mkdir -p '{0}' && {1} data --seed {2} '{0}'", folder, program,
                  seed));
  run(
      fmt::format("cd '{}' && '{}' prune -q model.npz --method {} --target target.npy"
                  " --train \"{} train --seed {} {{weights}} {{mask}} {{target}} {{output}}\""
                  " --evaluate \"{} evaluate --seed {} {{}}\""
                  " --state state -o pruned.npz --json >history.json",
                  folder, programs.wquant.string(), method, program, seed, program, seed));
  std::ifstream history(programs.folder / "history.json");
  return nlohmann::json::parse(history);
}

sample::Network read(const fs::path& path) {
  sample::Network network = sample::regression_network();
  sample::read_network(*open_model(path), network);
  return network;
}

double float_bytes(const ModelReader& model) {
  double bytes = 0;
  for (const TensorInfo& tensor : model.tensors()) bytes += static_cast<double>(tensor.bytes());
  return bytes;
}

}  // namespace

PrunedRegression prune_regression(const PruningPrograms& programs, std::uint64_t seed,
                                  const std::string& method) {
  const nlohmann::json history = prune(programs, seed, method);
  const fs::path pruned = programs.folder / "pruned.npz";
  const fs::path quantized = programs.folder / "pruned.safetensors";
  run(fmt::format("'{}' -q --bits 4 '{}' -o '{}'", programs.wquant.string(), pruned.string(),
                  quantized.string()));
  const sample::FingerprintTask task = sample::draw_task(seed);
  const sample::Network small = read(quantized);
  PrunedRegression result;
  result.removed = history.at("best_zeros").get<double>() / history.at("weights").get<double>();
  result.loss = history.at("best_loss");
  result.unpruned_loss = history.at("best_unpruned_loss");
  result.test_loss = sample::loss(read(pruned), task.test);
  result.times_smaller =
      float_bytes(*open_model(pruned)) / static_cast<double>(fs::file_size(quantized));
  result.quantized_loss = sample::loss(small, task.validation);
  result.quantized_test_loss = sample::loss(small, task.test);
  return result;
}

}  // namespace wquant::papers
