#pragma once

#include <filesystem>
#include <memory>

#include "formats/format.h"
#include "wquant/formats.h"
#include "wquant/model.h"

namespace wquant {

/// True for a file that begins like a safetensors file: a plausible length word, then '{'.
bool safetensors_claims(const Probe& probe);

/// Maps the file; every tensor has a view. Tensors come in the order of their data.
std::unique_ptr<ModelReader> open_safetensors(const std::filesystem::path& path);

/// Writes any model. The bytes depend on the tensors alone, not on their order.
void write_safetensors(const ModelReader& model, const std::filesystem::path& path,
                       Overwrite overwrite, const RunOptions& options);

}  // namespace wquant
