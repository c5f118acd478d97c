#include <algorithm>
#include <vector>

#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/spool_file.h"
#include "formats/hdf5.h"
#include "formats/like.h"
#include "formats/optional/hdf5/file.h"
#include "formats/slabs.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::uint64_t kCopySlab = std::uint64_t{1} << 20;

std::vector<TensorInfo> infos_of(const Hdf5File& file) {
  std::vector<TensorInfo> infos;
  for (const Hdf5Dataset& dataset : file.datasets) infos.push_back(dataset.info);
  return infos;
}

void copy_file(const MappedFile& from, OutputFile& to) {
  for (std::uint64_t first = 0; first < from.bytes().size(); first += kCopySlab) {
    const std::uint64_t length = std::min(kCopySlab, from.bytes().size() - first);
    to.append(from.bytes().subspan(first, length));
    from.release(first, length);
  }
}

/// The library takes a dataset as a whole.
void write_dataset(const Hdf5File& file, const Hdf5Dataset& dataset, const ModelReader& model,
                   std::size_t index, Meter& meter) {
  SpoolFile spool(dataset.info.bytes());
  std::uint64_t offset = 0;
  for_each_slab(model, index, meter, [&](std::span<const std::byte> bytes) {
    std::copy(bytes.begin(), bytes.end(), spool.bytes().subspan(offset).begin());
    offset += bytes.size();
  });
  const Hdf5Lock lock;
  write_hdf5_dataset(file.handle.get(), dataset, spool.bytes());
}

void write_datasets(const std::filesystem::path& path, const ModelReader& model, Meter& meter) {
  const Hdf5File file = open_hdf5_file(path, Hdf5Access::kWrite);
  const std::vector<std::size_t> match = match_tensors(model, infos_of(file));
  for (std::size_t i = 0; i < match.size(); ++i) {
    if (file.datasets[i].info.bytes() == 0) continue;
    write_dataset(file, file.datasets[i], model, match[i], meter);
  }
  const Hdf5Lock lock;
  if (H5Fflush(file.handle.get(), H5F_SCOPE_GLOBAL) < 0) throw Error("cannot write");
}

}  // namespace

void write_hdf5_like(const ModelReader& model, const std::filesystem::path& path,
                     const std::filesystem::path& like, Overwrite overwrite,
                     const RunOptions& options) {
  const MappedFile original(like);
  OutputFile file(path, overwrite);
  copy_file(original, file);
  Meter meter(options, total_bytes(model));
  write_datasets(file.temporary_path(), model, meter);
  file.commit();
}

}  // namespace wquant
