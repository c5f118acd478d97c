#pragma once

#include <filesystem>
#include <memory>

#include "formats/format.h"

namespace wquant {

/// A .npz file is a zip archive of .npy files; a tensor is named like its member without ".npy".
bool npz_claims(const Probe& probe);
std::unique_ptr<ModelReader> open_npz(const std::filesystem::path& path);

/// Members are stored, not deflated, so that they can be used where they lie; the bytes depend on
/// nothing but the tensors.
void write_npz(const ModelReader& model, const std::filesystem::path& path, Overwrite overwrite,
               const RunOptions& options);

}  // namespace wquant
