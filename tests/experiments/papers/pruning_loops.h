#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace wquant::papers {

/// What `wquant prune` makes of a regression by itself, and `wquant` of that. Losses are of the
/// validation set, which decides what is kept, but for those of the test set.
struct PrunedRegression {
  double removed = 0;  ///< Share of the weights.
  double loss = 0, test_loss = 0;
  double unpruned_loss = 0;  ///< Of the network that is trained equally long.
  double times_smaller = 0;  ///< Pruned and quantized, against the float weights: whole files.
  double quantized_loss = 0, quantized_test_loss = 0;
};

/// The programs that are run, and a folder for files that pass.
struct PruningPrograms {
  std::filesystem::path wquant, fingerprints, folder;
};

/// Throws Error where a program fails.
PrunedRegression prune_regression(const PruningPrograms& programs, std::uint64_t seed,
                                  const std::string& method);

}  // namespace wquant::papers
