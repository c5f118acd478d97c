#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "base/meter.h"
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

/// Writes some of the tensors, given by their indices; `meter` counts their bytes.
void write_safetensors_part(const ModelReader& model, std::span<const std::size_t> tensors,
                            const std::filesystem::path& path, Overwrite overwrite, Meter& meter);

}  // namespace wquant
