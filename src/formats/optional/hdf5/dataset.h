#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "formats/optional/hdf5/handle.h"
#include "wquant/model.h"

namespace wquant {

/// A dataset that is a tensor.
struct Hdf5Dataset {
  std::string path;
  TensorInfo info;
  /// Where its bytes lie in the file in the form that ModelReader::read() gives; nothing where they
  /// do not.
  std::optional<std::uint64_t> offset;
};

/// Throws Error, naming the tensor, for a dataset that is no tensor or lies in another file. These
/// functions need Hdf5Lock.
Hdf5Dataset open_hdf5_dataset(hid_t file, const std::string& path, const std::string& name);

/// All bytes of the dataset, little-endian.
void read_hdf5_dataset(hid_t file, const Hdf5Dataset& dataset, std::span<std::byte> out);
/// The way back.
void write_hdf5_dataset(hid_t file, const Hdf5Dataset& dataset, std::span<const std::byte> bytes);

}  // namespace wquant
