#pragma once

#include <filesystem>
#include <memory>

#include "formats/format.h"

namespace wquant {

/// A .npy file is a model of one tensor, named like the file without ".npy".
bool npy_claims(const Probe& probe);
std::unique_ptr<ModelReader> open_npy(const std::filesystem::path& path);

/// Throws Error (usage) for a model of any other number of tensors.
void write_npy(const ModelReader& model, const std::filesystem::path& path, Overwrite overwrite,
               const RunOptions& options);

}  // namespace wquant
