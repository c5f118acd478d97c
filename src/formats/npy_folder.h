#pragma once

#include <filesystem>
#include <memory>

#include "formats/format.h"

namespace wquant {

/// A folder of .npy files, at any depth: a tensor is named by its path from the folder without
/// ".npy", with '/' between the parts. Other files are none of the model's business.
bool npy_folder_claims(const Probe& probe);

/// Tensors come sorted by name, bytewise. A symbolic link may lead to another file of the folder,
/// nowhere else.
std::unique_ptr<ModelReader> open_npy_folder(const std::filesystem::path& path);

/// The folder appears under its name only when it is complete. Throws Error for a tensor whose
/// name would lead out of the folder or cannot name a file. An existing folder is replaced only
/// when it holds nothing but .npy files.
void write_npy_folder(const ModelReader& model, const std::filesystem::path& path,
                      Overwrite overwrite, const RunOptions& options);

}  // namespace wquant
