#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/text.h"
#include "formats/fields.h"
#include "formats/pickle.h"
#include "formats/pytorch_file.h"
#include "formats/pytorch_machine.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using namespace std::string_view_literals;

/// The number 0x1950a86a20f9469cfc6c as a pickle holds it.
constexpr std::string_view kMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
constexpr std::int64_t kVersion = 1001;
constexpr std::string_view kProblem = "its storages are cut off";

class PytorchLegacy : public PytorchFile {
 public:
  explicit PytorchLegacy(const std::filesystem::path& path) : file_(path) {
    if (!is_legacy_pytorch(text())) {
      throw Error("begins neither like a zip archive nor like a file of torch.save");
    }
    next_pickle();
    check_version(next_pickle());
    check_machine(next_pickle());
  }

  [[nodiscard]] std::string_view pickle() const override { return text().substr(at_); }

  void place(std::span<const PytorchStorage> storages, std::size_t pickle_size) override {
    at_ += pickle_size;
    std::map<std::string_view, std::size_t> numbers;
    for (const PytorchStorage& storage : storages) numbers.emplace(storage.key, numbers.size());
    begins_.resize(storages.size());
    const Pickle keys = next_pickle();
    Fields data(text().substr(at_), kProblem);
    for (const PickleRef ref : keys.at(keys.root).items) {
      const std::string_view key = keys.at(ref).text;
      const auto found = numbers.find(key);
      if (found == numbers.end()) {
        throw Error(
            fmt::format("lists storage {}, which is unknown or listed twice", printable(key, 40)));
      }
      place_next(storages[found->second], data, begins_[found->second]);
      numbers.erase(found);
    }
    if (!numbers.empty()) {
      throw Error(fmt::format("storage {} is missing", printable(numbers.begin()->first)),
                  "get it again");
    }
    if (!data.empty()) {
      throw Error(fmt::format("{} bytes follow the last storage", data.rest().size()));
    }
    for (const PytorchStorage& storage : storages) sizes_.push_back(storage.bytes());
  }

  [[nodiscard]] std::span<const std::byte> bytes(std::size_t storage) const override {
    return file_.bytes().subspan(begins_[storage], sizes_[storage]);
  }

  void release(std::size_t storage, std::uint64_t first, std::uint64_t size) const override {
    file_.release(begins_[storage] + first, size);
  }

 private:
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(file_.bytes().data()), file_.bytes().size()};
  }

  /// A pickle of plain values.
  Pickle next_pickle() {
    Pickle pickle = parse_pickle(text().substr(at_), no_globals);
    at_ += pickle.size;
    return pickle;
  }

  static void check_version(const Pickle& pickle) {
    const PickleValue& version = pickle.at(pickle.root);
    if (version.kind == PickleKind::kInteger && version.number == kVersion) return;
    throw Error(fmt::format("is of version {} of torch.save's old form", version.number),
                fmt::format("known is {}", kVersion));
  }

  void place_next(const PytorchStorage& storage, Fields& data, std::uint64_t& begin) {
    const std::uint64_t count = data.number(sizeof(std::uint64_t));
    if (count != storage.count) {
      throw Error(fmt::format("storage {} has {} elements where {} are due", printable(storage.key),
                              count, storage.count));
    }
    begin = at_ + data.used();
    data.text(storage.bytes());
  }

  MappedFile file_;
  std::size_t at_ = 0;  ///< Where the next pickle begins.
  std::vector<std::uint64_t> begins_, sizes_;
};

}  // namespace

bool is_legacy_pytorch(std::string_view head) {
  constexpr std::size_t kProtocol = 2, kFrame = 9;
  if (!head.starts_with('\x80')) return false;
  return head.substr(0, kProtocol + kMagic.size()).ends_with(kMagic) ||
         head.substr(0, kProtocol + kFrame + kMagic.size()).ends_with(kMagic);
}

std::unique_ptr<PytorchFile> open_legacy_pytorch(const std::filesystem::path& path) {
  return std::make_unique<PytorchLegacy>(path);
}

}  // namespace wquant
