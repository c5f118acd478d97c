// Takes the place of optional/hdf5 in a build without the HDF5 library.
#include "formats/hdf5.h"
#include "wquant/error.h"

namespace wquant {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw Error("this wquant was built without HDF5", "install libhdf5-dev and build it again")
      .at_file(path.string());
}

}  // namespace

bool has_hdf5() { return false; }

std::unique_ptr<ModelReader> open_hdf5(const std::filesystem::path& path) { fail(path); }

std::unique_ptr<ModelReader> open_keras(const std::filesystem::path& path) { fail(path); }

void write_hdf5_like(const ModelReader& /*model*/, const std::filesystem::path& path,
                     const std::filesystem::path& /*like*/, Overwrite /*overwrite*/,
                     const RunOptions& /*options*/) {
  fail(path);
}

void write_keras_like(const ModelReader& /*model*/, const std::filesystem::path& path,
                      const std::filesystem::path& /*like*/, Overwrite /*overwrite*/,
                      const RunOptions& /*options*/) {
  fail(path);
}

}  // namespace wquant
