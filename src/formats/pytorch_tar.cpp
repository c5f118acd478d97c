#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/text.h"
#include "formats/fields.h"
#include "formats/pickle.h"
#include "formats/pytorch_file.h"
#include "formats/pytorch_globals.h"
#include "formats/pytorch_machine.h"
#include "formats/tar_archive.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::uint64_t kMaxDimensions = 64;

/// The type of a tensor says no more than that of its storage.
std::optional<std::size_t> tensor_globals(std::string_view module, std::string_view name) {
  const bool known = module.starts_with("torch") && name.ends_with("Tensor");
  return known ? std::optional<std::size_t>(0) : std::nullopt;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// One member: pickles with numbers between them.
class Stream {
 public:
  Stream(std::span<const std::byte> bytes, const char* problem) : rest_(text_of(bytes), problem) {}

  Pickle pickle(PickleGlobals globals) {
    Pickle pickle = parse_pickle(rest_.rest(), globals);
    rest_.text(pickle.size);
    return pickle;
  }

  /// The pickle of a whole number of 0 or more.
  std::uint64_t count() {
    const Pickle number = pickle(no_globals);
    return natural(number, number.root);
  }

  static std::uint64_t natural(const Pickle& pickle, PickleRef ref) {
    const PickleValue& value = pickle.at(ref);
    if (value.kind != PickleKind::kInteger || value.number < 0) {
      throw Error("holds something else where a number belongs");
    }
    return static_cast<std::uint64_t>(value.number);
  }

  std::uint64_t number(std::size_t size) { return rest_.number(size); }

  std::vector<std::uint64_t> numbers(std::uint64_t count) {
    std::vector<std::uint64_t> list(count);
    for (std::uint64_t& value : list) value = rest_.number(sizeof value);
    return list;
  }

  std::string_view text(std::uint64_t size) { return rest_.text(size); }

 private:
  Fields rest_;
};

/// The items of a tuple of at least `least`.
std::span<const PickleRef> items_of(const Pickle& pickle, PickleRef ref, std::size_t least) {
  const PickleValue& value = pickle.at(ref);
  if (value.kind != PickleKind::kTuple || value.items.size() < least) {
    throw Error("holds something else where a tuple belongs");
  }
  return value.items;
}

class PytorchTar : public PytorchFile {
 public:
  explicit PytorchTar(const std::filesystem::path& path)
      : file_(path), members_(read_tar(file_.bytes())) {
    check_machine(parse_pickle(text_of(member("sys_info")), no_globals));
    read_storages(Stream(member("storages"), "its storages are cut off"));
    read_tensors(Stream(member("tensors"), "its tensors are cut off"));
  }

  [[nodiscard]] std::string_view pickle() const override { return text_of(member("pickle")); }

  [[nodiscard]] const PytorchOutside* outside() const override { return &outside_; }

  /// They are placed already.
  void place(std::span<const PytorchStorage> /*storages*/, std::size_t /*size*/) override {}

  [[nodiscard]] std::span<const std::byte> bytes(std::size_t storage) const override {
    return contents_[storage];
  }

  void release(std::size_t storage, std::uint64_t first, std::uint64_t size) const override {
    const auto begin = contents_[storage].data() - file_.bytes().data();
    file_.release(static_cast<std::uint64_t>(begin) + first, size);
  }

 private:
  [[nodiscard]] std::span<const std::byte> member(const char* name) const {
    const auto found = members_.find(name);
    if (found != members_.end()) return found->second;
    throw Error(fmt::format("is a tar archive but not one of torch.save: no {}", name));
  }

  /// Each: a tuple of its number, device and type, then a count and its elements. Then those that
  /// are parts of others.
  void read_storages(Stream stream) {
    for (std::uint64_t left = stream.count(); left > 0; --left) {
      const Pickle pickle = stream.pickle(find_pytorch_global);
      const auto items = items_of(pickle, pickle.root, 3);
      const PickleValue& type = pickle.at(items[2]);
      const PytorchGlobal* global = type.kind == PickleKind::kGlobal
                                        ? &pytorch_global(static_cast<std::size_t>(type.number))
                                        : nullptr;
      if (global == nullptr || global->role != PytorchRole::kStorage) {
        throw Error("has a storage without a type");
      }
      const std::uint64_t count = stream.number(sizeof(std::uint64_t));
      const std::uint64_t size = checked_count(std::vector{count}, size_of(global->dtype));
      const std::string_view elements = stream.text(size * size_of(global->dtype));
      add_storage(Stream::natural(pickle, items[0]), global->dtype,
                  std::as_bytes(std::span(elements)));
    }
    const Pickle views = stream.pickle(no_globals);
    for (const PickleRef view : views.at(views.root).items) add_part(views, view);
  }

  /// A tuple: its number, that of the whole, the first element and how many there are.
  void add_part(const Pickle& pickle, PickleRef ref) {
    const auto items = items_of(pickle, ref, 4);
    const std::size_t whole = storage_of(Stream::natural(pickle, items[1]));
    const std::uint64_t element = outside_.storages[whole].element;
    const std::uint64_t count = outside_.storages[whole].count;
    const std::uint64_t first = Stream::natural(pickle, items[2]);
    const std::uint64_t size = Stream::natural(pickle, items[3]);
    if (first > count || size > count - first) {
      throw Error("has a storage that ends after the end of the one that it is part of");
    }
    add_storage(Stream::natural(pickle, items[0]), dtypes_[whole],
                contents_[whole].subspan(first * element, size * element));
  }

  void add_storage(std::uint64_t number, Dtype dtype, std::span<const std::byte> bytes) {
    if (!numbers_.emplace(number, contents_.size()).second) {
      throw Error(fmt::format("holds storage {} twice", number));
    }
    outside_.storages.push_back(
        {std::to_string(number), bytes.size() / size_of(dtype), size_of(dtype)});
    dtypes_.push_back(dtype);
    contents_.push_back(bytes);
  }

  [[nodiscard]] std::size_t storage_of(std::uint64_t number) const {
    const auto found = numbers_.find(number);
    if (found != numbers_.end()) return found->second;
    throw Error(fmt::format("storage {} is missing", number), "get it again");
  }

  /// Each: a tuple of its number, that of its storage and its type, then its shape and place.
  void read_tensors(Stream stream) {
    for (std::uint64_t left = stream.count(); left > 0; --left) {
      const Pickle pickle = stream.pickle(tensor_globals);
      const auto items = items_of(pickle, pickle.root, 3);
      const std::string name = std::to_string(Stream::natural(pickle, items[0]));
      const std::size_t storage = storage_of(Stream::natural(pickle, items[1]));
      if (!outside_.tensors.emplace(name, read_tensor(stream, storage)).second) {
        throw Error(fmt::format("holds tensor {} twice", name));
      }
    }
  }

  PytorchTensor read_tensor(Stream& stream, std::size_t storage) {
    const std::uint64_t dimensions = stream.number(4);
    stream.number(4);  // The number of dimensions took 8 bytes once.
    if (dimensions > kMaxDimensions) {
      throw Error(fmt::format("holds a tensor of {} dimensions", dimensions));
    }
    PytorchTensor tensor;
    tensor.storage = storage;
    tensor.info.dtype = dtypes_[storage];
    tensor.info.shape = stream.numbers(dimensions);
    tensor.layout = {size_of(tensor.info.dtype), tensor.info.shape, stream.numbers(dimensions)};
    place_pytorch_tensor(tensor, stream.number(8), contents_[storage].size());
    return tensor;
  }

  MappedFile file_;
  TarMembers members_;
  PytorchOutside outside_;
  std::map<std::uint64_t, std::size_t> numbers_;  ///< Of the storages.
  std::vector<Dtype> dtypes_;
  std::vector<std::span<const std::byte>> contents_;
};

}  // namespace

bool is_pytorch_tar(std::string_view head) {
  return is_tar(head) && head.find("sys_info") != std::string_view::npos;
}

std::unique_ptr<PytorchFile> open_pytorch_tar(const std::filesystem::path& path) {
  return std::make_unique<PytorchTar>(path);
}

}  // namespace wquant
