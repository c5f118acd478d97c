#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "formats/optional/hdf5/dataset.h"
#include "formats/optional/hdf5/handle.h"

namespace wquant {

/// An open HDF5 file and its datasets.
struct Hdf5File {
  Hdf5Handle handle;
  std::vector<Hdf5Dataset> datasets;
};

enum class Hdf5Access { kRead, kWrite };

/// Throws Error without the file's name.
Hdf5File open_hdf5_file(const std::filesystem::path& path, Hdf5Access access);
/// A file in memory, of which the library makes a copy.
Hdf5File open_hdf5_image(std::span<const std::byte> bytes);

}  // namespace wquant
