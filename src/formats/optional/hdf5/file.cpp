#include "formats/optional/hdf5/file.h"

#include <utility>

#include "formats/optional/hdf5/names.h"

namespace wquant {
namespace {

constexpr const char* kUnreadable = "is no HDF5 file or a damaged one";

Hdf5Handle access_properties() {
  Hdf5Handle properties(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, kUnreadable);
  // Locks fail on some file systems; the file that is written is this program's alone.
  H5Pset_file_locking(properties.get(), false, true);
  return properties;
}

Hdf5File with_datasets(Hdf5Handle handle) {
  std::vector<Hdf5Dataset> datasets;
  for (const Hdf5Name& name : list_hdf5_names(handle.get())) {
    datasets.push_back(open_hdf5_dataset(handle.get(), name.path, name.name));
  }
  return {std::move(handle), std::move(datasets)};
}

}  // namespace

Hdf5File open_hdf5_file(const std::filesystem::path& path, Hdf5Access access) {
  const Hdf5Lock lock;
  const Hdf5Handle properties = access_properties();
  const unsigned flags = access == Hdf5Access::kWrite ? H5F_ACC_RDWR : H5F_ACC_RDONLY;
  return with_datasets({H5Fopen(path.c_str(), flags, properties.get()), H5Fclose, kUnreadable});
}

Hdf5File open_hdf5_image(std::span<const std::byte> bytes) {
  constexpr std::size_t kIncrement = std::size_t{1} << 20;
  const Hdf5Lock lock;
  const Hdf5Handle properties = access_properties();
  H5Pset_fapl_core(properties.get(), kIncrement, false);
  H5Pset_file_image(properties.get(), const_cast<std::byte*>(bytes.data()), bytes.size());
  return with_datasets(
      {H5Fopen("memory", H5F_ACC_RDONLY, properties.get()), H5Fclose, kUnreadable});
}

}  // namespace wquant
