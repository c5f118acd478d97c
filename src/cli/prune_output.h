#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "cli/terminal.h"
#include "wquant/prune.h"

namespace wquant {

/// Where a pruned model and its mask are written.
struct PruneOutput {
  std::string model, mask;  ///< Empty: not written.
  bool force = false;
};

/// Refuses before any work what could not be written after it: what exists, is one of `inputs`, or
/// tells no format that the model, which is `control`, can be written in.
void check_prune_output(const PruneOutput& output, const std::string& control,
                        std::span<const std::string> inputs);

/// Writes both. A format that holds more than weights is written like `control`.
void write_prune_output(const Pruned& pruned, const PruneOutput& output, const std::string& control,
                        const Talk& talk);

}  // namespace wquant
