#pragma once

#include <hdf5.h>

#include <string>
#include <vector>

namespace wquant {

/// A dataset's path in the file, and the name of the tensor that it holds.
struct Hdf5Name {
  std::string path, name;
};

/// All datasets, by path. Throws Error for a link into another file. Needs Hdf5Lock.
std::vector<Hdf5Name> list_hdf5_names(hid_t file);

}  // namespace wquant
