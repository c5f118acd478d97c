#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "formats/format.h"
#include "wquant/model.h"

namespace wquant {

/// A model in several safetensors files of one folder and an index NAME.safetensors.index.json.
inline constexpr std::string_view kSafetensorsIndex = ".safetensors.index.json";

/// True for the index and for a folder that holds one.
bool safetensors_shards_claims(const Probe& probe);

/// Opens all files. Tensors come in the order of the index.
std::unique_ptr<ModelReader> open_safetensors_shards(const std::filesystem::path& path);

/// Writes a folder of files model-00001-of-00003.safetensors, each of at most options.shard_size
/// bytes of tensors in the model's order, and their index model.safetensors.index.json.
void write_safetensors_shards(const ModelReader& model, const std::filesystem::path& path,
                              Overwrite overwrite, const RunOptions& options);

}  // namespace wquant
