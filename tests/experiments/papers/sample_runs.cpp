#include "sample_runs.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "sample_files.h"
#include "sample_training.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant::papers {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSeed = 4;  ///< Neither that of the training nor of the test images.

std::uint64_t bytes_of(const ModelReader& model) {
  std::uint64_t bytes = 0;
  for (const TensorInfo& tensor : model.tensors()) bytes += tensor.bytes();
  return bytes;
}

}  // namespace

SampleRuns::SampleRuns(fs::path program, fs::path model, fs::path folder, std::size_t images)
    : program_(std::move(program)),
      model_(std::move(model)),
      folder_(std::move(folder)),
      images_(sample::draw_images(images, kSeed)) {
  fs::create_directories(folder_);
  const auto opened = open_model(model_);
  float_right_ = sample::accuracy(sample::read_network(*opened), images_);
  float_bytes_ = bytes_of(*opened);
}

const SampleRun& SampleRuns::run(const std::string& options) {
  if (const auto known = done_.find(options); known != done_.end()) return known->second;
  const fs::path output = folder_ / "run.safetensors";
  const std::string command = fmt::format("'{}' -q --force {} '{}' -o '{}'", program_.string(),
                                          options, model_.string(), output.string());
  if (std::system(command.c_str()) != 0) throw Error("failed: " + command);
  const sample::Network network = sample::read_network(*open_model(output));
  return done_[options] = {sample::accuracy(network, images_), fs::file_size(output)};
}

}  // namespace wquant::papers
