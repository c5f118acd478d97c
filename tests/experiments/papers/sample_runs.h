#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sample_images.h"

namespace wquant::papers {

/// What a quantized file of the sample network is worth.
struct SampleRun {
  double right = 0;         ///< Percent of the images.
  std::uint64_t bytes = 0;  ///< Of the whole file.
};

/// Runs the program on the sample network, again and again, and measures what it writes on images
/// that are drawn for it. Every run is remembered.
class SampleRuns {
 public:
  /// `program` is wquant, `model` the float network; the folder is used for files that pass.
  SampleRuns(std::filesystem::path program, std::filesystem::path model,
             std::filesystem::path folder, std::size_t images);

  /// The float network's accuracy, percent of the images.
  [[nodiscard]] double float_right() const { return float_right_; }
  /// Bytes of the float network's weights.
  [[nodiscard]] std::uint64_t float_bytes() const { return float_bytes_; }
  [[nodiscard]] std::size_t images() const { return images_.size(); }

  /// `wquant OPTIONS MODEL`. Throws Error where it fails.
  const SampleRun& run(const std::string& options);

 private:
  std::filesystem::path program_, model_, folder_;
  sample::ImageSet images_;
  double float_right_ = 0;
  std::uint64_t float_bytes_ = 0;
  std::map<std::string, SampleRun> done_;
};

}  // namespace wquant::papers
