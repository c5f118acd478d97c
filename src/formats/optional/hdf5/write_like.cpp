#include <algorithm>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/spool_file.h"
#include "formats/hdf5.h"
#include "formats/like.h"
#include "formats/optional/hdf5/file.h"
#include "formats/optional/hdf5/keras_archive.h"
#include "formats/slabs.h"
#include "formats/zip_archive.h"
#include "formats/zip_writer.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::uint64_t kCopySlab = std::uint64_t{1} << 20;

std::vector<TensorInfo> infos_of(const Hdf5File& file) {
  std::vector<TensorInfo> infos;
  for (const Hdf5Dataset& dataset : file.datasets) infos.push_back(dataset.info);
  return infos;
}

/// Calls `use` with the bytes piece by piece and `release` with the place of each thereafter.
template <typename Use, typename Release>
void copy_bytes(std::span<const std::byte> bytes, Use&& use, Release&& release) {
  for (std::uint64_t first = 0; first < bytes.size(); first += kCopySlab) {
    const std::uint64_t length = std::min<std::uint64_t>(kCopySlab, bytes.size() - first);
    use(bytes.subspan(first, length));
    release(first, length);
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

/// The other members are copied as they are unpacked.
void copy_member(const ZipArchive& archive, std::size_t index, ZipWriter& zip) {
  const std::span<const std::byte> bytes = archive.contents(index);
  zip.begin(archive.members()[index].name, bytes.size());
  copy_bytes(
      bytes, [&](std::span<const std::byte> piece) { zip.write(piece); },
      [&](std::uint64_t first, std::uint64_t size) { archive.release(index, first, size); });
  zip.end();
}

void add_member(const std::string& name, const MappedFile& file, ZipWriter& zip) {
  zip.begin(name, file.bytes().size());
  copy_bytes(
      file.bytes(), [&](std::span<const std::byte> piece) { zip.write(piece); },
      [&](std::uint64_t first, std::uint64_t size) { file.release(first, size); });
  zip.end();
}

}  // namespace

void write_hdf5_like(const ModelReader& model, const std::filesystem::path& path,
                     const std::filesystem::path& like, Overwrite overwrite,
                     const RunOptions& options) {
  const MappedFile original(like);
  OutputFile file(path, overwrite);
  copy_bytes(
      original.bytes(), [&](std::span<const std::byte> piece) { file.append(piece); },
      [&](std::uint64_t first, std::uint64_t size) { original.release(first, size); });
  Meter meter(options, total_bytes(model));
  write_datasets(file.temporary_path(), model, meter);
  file.commit();
}

void write_keras_like(const ModelReader& model, const std::filesystem::path& path,
                      const std::filesystem::path& like, Overwrite overwrite,
                      const RunOptions& options) {
  const ZipArchive original(like);
  const std::size_t weights = find_keras_weights(original);
  OutputFile inner(path, overwrite);  // Never gets its name.
  copy_bytes(
      original.contents(weights), [&](std::span<const std::byte> piece) { inner.append(piece); },
      [&](std::uint64_t first, std::uint64_t size) { original.release(weights, first, size); });
  Meter meter(options, total_bytes(model));
  write_datasets(inner.temporary_path(), model, meter);
  OutputFile file(path, overwrite);
  ZipWriter zip(file);
  for (std::size_t i = 0; i < original.members().size(); ++i) {
    if (i == weights) {
      add_member(original.members()[i].name, MappedFile(inner.temporary_path()), zip);
    } else {
      copy_member(original, i, zip);
    }
  }
  zip.finish();
  file.commit();
}

}  // namespace wquant
