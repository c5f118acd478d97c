#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/spool_file.h"
#include "formats/hdf5.h"
#include "formats/optional/hdf5/file.h"
#include "formats/optional/hdf5/keras_archive.h"
#include "formats/read_view.h"
#include "formats/zip_archive.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// The bytes of an HDF5 file.
class Hdf5Bytes {
 public:
  Hdf5Bytes() = default;
  Hdf5Bytes(const Hdf5Bytes&) = delete;
  Hdf5Bytes& operator=(const Hdf5Bytes&) = delete;
  virtual ~Hdf5Bytes() = default;
  [[nodiscard]] virtual std::span<const std::byte> bytes() const = 0;
  virtual void release(std::uint64_t first, std::uint64_t size) const = 0;
};

class WholeFile : public Hdf5Bytes {
 public:
  explicit WholeFile(const std::filesystem::path& path) : file_(path) {}
  [[nodiscard]] std::span<const std::byte> bytes() const override { return file_.bytes(); }
  void release(std::uint64_t first, std::uint64_t size) const override {
    file_.release(first, size);
  }

 private:
  MappedFile file_;
};

/// The weights of a .keras archive.
class KerasMember : public Hdf5Bytes {
 public:
  explicit KerasMember(const std::filesystem::path& path)
      : archive_(path), index_(find_keras_weights(archive_)) {}
  [[nodiscard]] std::span<const std::byte> bytes() const override {
    return archive_.contents(index_);
  }
  void release(std::uint64_t first, std::uint64_t size) const override {
    archive_.release(index_, first, size);
  }

 private:
  ZipArchive archive_;
  std::size_t index_;
};

/// Layers whose output channels are not on the last axis of their kernels, by a word in the name.
struct AxisRow {
  std::string_view word;
  bool multiplied;
};

constexpr std::array<AxisRow, 2> kInnerAxes = {{{"depthwise", true}, {"transpose", false}}};

/// As Keras has it: [positions..., inputs, outputs].
OutputAxis keras_axis(const TensorInfo& info) {
  const std::size_t last = info.shape.size() - 1;
  for (const AxisRow& row : kInnerAxes) {
    const bool named = info.name.find(row.word) != std::string::npos;
    if (named && last >= 2) return {last - 1, true, row.multiplied};
  }
  return {last, true, false};
}

class Hdf5Model : public ModelReader {
 public:
  Hdf5Model(const std::filesystem::path& path, std::string_view format,
            std::unique_ptr<Hdf5Bytes> bytes, Hdf5File file)
      : path_(path.string()),
        format_(format),
        bytes_(std::move(bytes)),
        file_(std::move(file)),
        unpacked_(std::make_unique<Unpacked[]>(file_.datasets.size())) {
    for (Hdf5Dataset& dataset : file_.datasets) {
      check_range(dataset);
      tensors_.push_back(dataset.info);
    }
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return format_; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    read_view(*this, index, first, out);
  }

  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    const Hdf5Dataset& dataset = file_.datasets[index];
    if (dataset.info.bytes() == 0) return {};
    if (dataset.offset) return bytes_->bytes().subspan(*dataset.offset, dataset.info.bytes());
    Unpacked& unpacked = unpacked_[index];
    std::call_once(unpacked.once, [&] { unpack(dataset, unpacked); });
    return std::as_const(*unpacked.spool).bytes();
  }

  [[nodiscard]] std::optional<OutputAxis> output_axis(std::size_t index) const override {
    return keras_axis(tensors_[index]);
  }

  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const override {
    const Hdf5Dataset& dataset = file_.datasets[index];
    if (dataset.offset) return bytes_->release(*dataset.offset + first, size);
    if (unpacked_[index].spool) unpacked_[index].spool->release(first, size);
  }

 private:
  /// What view() has made of a dataset that is chunked, packed or big-endian.
  struct Unpacked {
    std::once_flag once;
    std::unique_ptr<SpoolFile> spool;
  };

  void check_range(const Hdf5Dataset& dataset) const {
    const std::uint64_t size = bytes_->bytes().size();
    if (!dataset.offset || dataset.info.bytes() == 0) return;
    if (*dataset.offset > size || dataset.info.bytes() > size - *dataset.offset) {
      throw Error("its data end after the end of the file", "get the file again")
          .at_tensor(dataset.info.name);
    }
  }

  void unpack(const Hdf5Dataset& dataset, Unpacked& unpacked) const {
    try {
      const Hdf5Lock lock;
      auto spool = std::make_unique<SpoolFile>(dataset.info.bytes());
      read_hdf5_dataset(file_.handle.get(), dataset, spool->bytes());
      unpacked.spool = std::move(spool);
    } catch (Error& error) {
      error.at_tensor(dataset.info.name).at_file(path_);
      throw;
    }
  }

  std::string path_;
  std::string_view format_;
  std::unique_ptr<Hdf5Bytes> bytes_;
  Hdf5File file_;
  std::unique_ptr<Unpacked[]> unpacked_;  ///< One a dataset.
  std::vector<TensorInfo> tensors_;
};

}  // namespace

bool has_hdf5() { return true; }

std::unique_ptr<ModelReader> open_hdf5(const std::filesystem::path& path) {
  try {
    return std::make_unique<Hdf5Model>(path, "hdf5", std::make_unique<WholeFile>(path),
                                       open_hdf5_file(path, Hdf5Access::kRead));
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

std::unique_ptr<ModelReader> open_keras(const std::filesystem::path& path) {
  try {
    auto member = std::make_unique<KerasMember>(path);
    Hdf5File file = open_hdf5_image(member->bytes());
    return std::make_unique<Hdf5Model>(path, "keras", std::move(member), std::move(file));
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

}  // namespace wquant
