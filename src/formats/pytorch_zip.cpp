#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "formats/pytorch_file.h"
#include "formats/zip_archive.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::string_view kPickle = "/data.pkl";

/// Bytes that these members may claim to unpack to, before they are.
constexpr std::uint64_t kMostOfPickle = std::uint64_t{256} << 20;
constexpr std::uint64_t kMostOfOrder = 64;

class PytorchZip : public PytorchFile {
 public:
  explicit PytorchZip(const std::filesystem::path& path) : archive_(path) {
    for (std::size_t i = 0; i < archive_.members().size(); ++i) {
      members_.emplace(archive_.members()[i].name, i);
    }
    find_folder();
    check_byte_order();
  }

  [[nodiscard]] std::string_view pickle() const override {
    return text(members_.at(folder_ + std::string(kPickle)), kMostOfPickle);
  }

  void place(std::span<const PytorchStorage> storages, std::size_t /*pickle_size*/) override {
    for (const PytorchStorage& storage : storages) {
      const auto found = members_.find(folder_ + "/data/" + storage.key);
      if (found == members_.end()) {
        throw Error(fmt::format("storage {} is missing", printable(storage.key)), "get it again");
      }
      const std::uint64_t size = archive_.members()[found->second].size;
      if (size != storage.bytes()) {
        throw Error(fmt::format("storage {} has {} bytes where {} are due", printable(storage.key),
                                size, storage.bytes()));
      }
      storages_.push_back(found->second);
    }
  }

  [[nodiscard]] std::span<const std::byte> bytes(std::size_t storage) const override {
    return archive_.contents(storages_[storage]);
  }

  void release(std::size_t storage, std::uint64_t first, std::uint64_t size) const override {
    archive_.release(storages_[storage], first, size);
  }

 private:
  /// A whole member of at most `most` bytes.
  [[nodiscard]] std::string_view text(std::size_t index, std::uint64_t most) const {
    const ZipMember& member = archive_.members()[index];
    if (member.size > most) {
      throw Error(fmt::format("its member {} has {} bytes, more than {}", printable(member.name),
                              member.size, most));
    }
    const std::span<const std::byte> bytes = archive_.contents(index);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  void find_folder() {
    for (const auto& [name, index] : members_) {
      if (!name.ends_with(kPickle)) continue;
      if (!folder_.empty()) throw Error(fmt::format("holds two files {}", kPickle.substr(1)));
      folder_ = name.substr(0, name.size() - kPickle.size());
    }
    if (folder_.empty()) throw Error("is a zip archive but not one of torch.save: no data.pkl");
  }

  void check_byte_order() const {
    const auto found = members_.find(folder_ + "/byteorder");
    if (found == members_.end()) return;
    const std::string_view order = text(found->second, kMostOfOrder);
    if (order == "little") return;
    throw Error(fmt::format("has byte order \"{}\"", printable(order, 20)),
                "save it again on a little-endian machine");
  }

  ZipArchive archive_;
  std::map<std::string, std::size_t> members_;  ///< By name.
  std::string folder_;
  std::vector<std::size_t> storages_;  ///< Members.
};

}  // namespace

std::unique_ptr<PytorchFile> open_pytorch_zip(const std::filesystem::path& path) {
  return std::make_unique<PytorchZip>(path);
}

}  // namespace wquant
