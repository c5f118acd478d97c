// Makes the sample model in data/ and measures how well a version of it classifies.
//
//   sample_model train FOLDER              writes FOLDER/sample.npz and FOLDER/sample_test.npz
//   sample_model evaluate WEIGHTS [TEST]   prints the percentage of TEST that WEIGHTS gets right

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "memory_model.h"
#include "sample_files.h"
#include "sample_images.h"
#include "sample_network.h"
#include "sample_training.h"
#include "wquant/formats.h"

namespace {

using namespace wquant;
using namespace wquant::sample;
namespace fs = std::filesystem;

constexpr std::size_t kTrainImages = 30000, kTestImages = 2000;
constexpr std::uint64_t kTrainSeed = 1, kTestSeed = 2, kWeightSeed = 3;

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
