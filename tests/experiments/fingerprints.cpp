// A regression that is pruned: binary fingerprints, one hidden layer, one value.
//
//   fingerprints data FOLDER                       writes FOLDER/model.npz, a trained network, and
//                                                  FOLDER/target.npy
//   fingerprints train WEIGHTS MASK TARGET OUTPUT  goes on training
//   fingerprints evaluate WEIGHTS                  prints the mean squared error

#include <CLI/CLI.hpp>
#include <Eigen/Core>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "fingerprint_training.h"
#include "memory_model.h"
#include "sample_files.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace {

using namespace wquant;
using namespace wquant::sample;
namespace fs = std::filesystem;

struct Options {
  std::uint64_t seed = 1;
  fs::path folder, weights, mask, target, output;
  bool on_test = false;
};

void write(const MemoryModel& model, const fs::path& path, const char* format) {
  write_model(model, path, format, Overwrite::kReplace);
}

void write_network(const Network& network, const fs::path& path) {
  MemoryModel model;
  fill(model, network);
  write(model, path, "npz");
}

void write_data(const Options& options) {
  const Compounds training = draw_task(options.seed).training;
  const Network network = first_network(training, options.seed);
  fs::create_directories(options.folder);
  write_network(network, options.folder / "model.npz");
  MemoryModel target;
  const std::span<const float> values(training.target.data(),
                                      static_cast<std::size_t>(training.target.size()));
  target.add({"target", {values.size()}, Dtype::kF32}, std::as_bytes(values));
  write(target, options.folder / "target.npy", "npy");
}

void read_target(const fs::path& path, Eigen::VectorXf& target) {
  const auto model = open_model(path);
  const auto size = static_cast<std::size_t>(target.size());
  if (model->tensors().size() != 1 || model->tensors()[0].count() != size) {
    throw Error("expected one array of " + std::to_string(size) + " numbers")
        .at_file(path.string());
  }
  model->read_floats(0, 0, {target.data(), size});
}

void train_further(const Options& options) {
  Compounds training = draw_task(options.seed).training;
  read_target(options.target, training.target);
  Network network = regression_network();
  read_network(*open_model(options.weights), network);
  train(network, read_mask(*open_model(options.mask), network), training);
  write_network(network, options.output);
}

void evaluate(const Options& options) {
  const FingerprintTask task = draw_task(options.seed);
  Network network = regression_network();
  read_network(*open_model(options.weights), network);
  std::printf("%.6f\n", loss(network, options.on_test ? task.test : task.validation));
}

int run(int argc, char** argv) {
  CLI::App app("A regression that is pruned: binary fingerprints, one hidden layer, one value.");
  Options options;
  app.require_subcommand(1);
  const auto command = [&](const char* name, const char* help, auto action) {
    CLI::App* added = app.add_subcommand(name, help);
    added->add_option("--seed", options.seed, "of compounds and first weights");
    added->callback([&options, action] { action(options); });
    return added;
  };
  CLI::App* data = command("data", "write the trained network and its targets", write_data);
  data->add_option("FOLDER", options.folder)->required();
  CLI::App* train = command("train", "go on training", train_further);
  train->add_option("WEIGHTS", options.weights)->required();
  train->add_option("MASK", options.mask)->required();
  train->add_option("TARGET", options.target)->required();
  train->add_option("OUTPUT", options.output)->required();
  CLI::App* check = command("evaluate", "print the mean squared error", evaluate);
  check->add_option("WEIGHTS", options.weights)->required();
  check->add_flag("--test", options.on_test, "of the test set, not of the validation set");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    // Fixed sizes, so that sums are formed in the same order on every CPU.
    Eigen::setCpuCacheSizes(32 << 10, 256 << 10, 2 << 20);
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fingerprints: %s\n", error.what());
    return 1;
  }
}
