#pragma once

#include <filesystem>
#include <memory>

#include "formats/format.h"
#include "wquant/model.h"

namespace wquant {

/// HDF5 files, such as Keras writes: .h5, .weights.h5, and .keras, a zip archive that holds one.
///
/// Tensors are the datasets. One that Keras lists in a group's attribute weight_names has that
/// name ("conv1/kernel:0"), any other its path. The library that reads them is optional when the
/// program is built.

/// True when this build can read HDF5.
bool has_hdf5();

bool hdf5_claims(const Probe& probe);
bool keras_claims(const Probe& probe);

/// Opens the file. Contiguous datasets are used where they lie, others are unpacked when they are
/// first asked for. A dataset that is no tensor is an error.
std::unique_ptr<ModelReader> open_hdf5(const std::filesystem::path& path);
/// The same for the HDF5 file in a .keras archive.
std::unique_ptr<ModelReader> open_keras(const std::filesystem::path& path);

/// Writes a copy of the file `like` with the weights of `model`, which must hold the same tensors.
void write_hdf5_like(const ModelReader& model, const std::filesystem::path& path,
                     const std::filesystem::path& like, Overwrite overwrite,
                     const RunOptions& options);

/// The same for a .keras archive; its other members stay, but are no longer packed.
void write_keras_like(const ModelReader& model, const std::filesystem::path& path,
                      const std::filesystem::path& like, Overwrite overwrite,
                      const RunOptions& options);

}  // namespace wquant
