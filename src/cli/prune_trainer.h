#pragma once

#include <filesystem>
#include <optional>

#include "cli/prune_options.h"

namespace wquant {

/// What a training starts from.
struct TrainingStart {
  std::filesystem::path weights, mask, target;
};

/// Runs the user's commands in the state folder.
class PruneTrainer {
 public:
  PruneTrainer(const PruneOptions& options, std::filesystem::path folder)
      : options_(options), folder_(std::move(folder)) {}

  /// Trains and writes what came of it to `output` (npz), unless it is there already. Throws Error
  /// for a command that fails, or writes something else than the tensors of its start.
  void train(const TrainingStart& start, const std::filesystem::path& output) const;

  /// The loss, which is kept in a file beside the weights; nothing where it is not finite. Throws
  /// Error for a command that fails or prints no number.
  [[nodiscard]] std::optional<double> evaluate(const std::filesystem::path& weights) const;

 private:
  const PruneOptions& options_;
  const std::filesystem::path folder_;
};

}  // namespace wquant
