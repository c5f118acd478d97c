#pragma once

#include <filesystem>
#include <memory>

#include "formats/format.h"
#include "wquant/model.h"

namespace wquant {

/// True for a file of torch.save, in its form since version 1.6 (a zip archive), since 0.1.10
/// (pickles one after the other) or before (a tar archive).
bool pytorch_claims(const Probe& probe);

/// Maps the file; tensors that are contiguous in it have a view. Tensors come in the order of the
/// saved object and are named as pytorch_names() tells; whatever is no tensor is left out. The
/// pickle is read as data: nothing in it can run.
std::unique_ptr<ModelReader> open_pytorch(const std::filesystem::path& path);

/// A model in several PyTorch files of one folder and an index NAME.bin.index.json: true for the
/// index and for a folder that holds one.
bool pytorch_shards_claims(const Probe& probe);

/// Opens all files. Tensors come in the order of the index.
std::unique_ptr<ModelReader> open_pytorch_shards(const std::filesystem::path& path);

/// Writes a dict of tensors, as torch.save(model.state_dict()) does.
void write_pytorch(const ModelReader& model, const std::filesystem::path& path, Overwrite overwrite,
                   const RunOptions& options);

}  // namespace wquant
