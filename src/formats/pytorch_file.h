#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "formats/pytorch_object.h"

namespace wquant {

/// Where a file of torch.save keeps its pickle and the storages that the pickle names. Mapped;
/// everything it gives is valid as long as it. Safe from several threads once place() is done.
class PytorchFile {
 public:
  PytorchFile() = default;
  PytorchFile(const PytorchFile&) = delete;
  PytorchFile& operator=(const PytorchFile&) = delete;
  virtual ~PytorchFile() = default;

  /// Begins with the pickle of the saved object.
  [[nodiscard]] virtual std::string_view pickle() const = 0;
  /// The tensors that the pickle names but does not describe; null where it describes its own.
  [[nodiscard]] virtual const PytorchOutside* outside() const { return nullptr; }
  /// Finds the storages, which are numbered from now on, and checks their sizes. `pickle_size` is
  /// that of the object's pickle.
  virtual void place(std::span<const PytorchStorage> storages, std::size_t pickle_size) = 0;
  /// All bytes of a storage.
  [[nodiscard]] virtual std::span<const std::byte> bytes(std::size_t storage) const = 0;
  /// Tells that bytes [first, first + size) of a storage will not be needed soon.
  virtual void release(std::size_t storage, std::uint64_t first, std::uint64_t size) const = 0;
};

/// True for bytes that begin like a file of torch.save before version 1.6.
bool is_legacy_pytorch(std::string_view head);

/// A zip archive of FOLDER/data.pkl, FOLDER/data/KEY for each storage, FOLDER/version and more.
std::unique_ptr<PytorchFile> open_pytorch_zip(const std::filesystem::path& path);

/// Five pickles (a magic number, the version, facts about the machine, the object, the keys of the
/// storages) and then for each key a u64 count and the elements.
std::unique_ptr<PytorchFile> open_legacy_pytorch(const std::filesystem::path& path);

/// True for bytes that begin like a file of torch.save before version 0.1.10.
bool is_pytorch_tar(std::string_view head);

/// A tar archive of sys_info (facts about the machine), pickle (the object), tensors and storages.
std::unique_ptr<PytorchFile> open_pytorch_tar(const std::filesystem::path& path);

}  // namespace wquant
