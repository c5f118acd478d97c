#include "formats/pytorch_object.h"

#include <fmt/format.h>

#include <map>
#include <span>
#include <utility>

#include "base/text.h"
#include "formats/pytorch_globals.h"
#include "formats/pytorch_names.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::size_t kMaxDimensions = 64;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxSteps = std::size_t{1} << 22;
constexpr std::uint64_t kMaxTold = std::uint64_t{1} << 28;
constexpr std::size_t kMaxKey = 128;
/// A tensor may repeat the elements of its storage up to this size: a small file cannot stand for
/// endless data.
constexpr std::uint64_t kMaxRepeated = std::uint64_t{1} << 30;

using Refs = std::span<const PickleRef>;

/// Reads the values of one pickle as what they mean to PyTorch.
class Reader {
 public:
  Reader(const Pickle& pickle, const PytorchOutside* outside)
      : pickle_(pickle), outside_(outside) {}

  /// All storages that the pickle names, whether a tensor uses them or not.
  std::vector<PytorchStorage> storages() {
    if (outside_ != nullptr) return outside_->storages;
    std::vector<PytorchStorage> list;
    for (const PickleValue& value : pickle_.values) {
      if (value.kind == PickleKind::kPersistent) add_storage(parse_storage(value).storage, list);
    }
    return list;
  }

  /// True for a call that makes a tensor, or the name of one outside.
  [[nodiscard]] bool is_tensor(const PickleValue& value) const {
    if (outside_ != nullptr) return find_outside(value) != nullptr;
    const PytorchRole role = role_of(value);
    return role == PytorchRole::kTensor || role == PytorchRole::kTypedTensor ||
           role == PytorchRole::kParameter;
  }

  [[nodiscard]] bool is_dict(const PickleValue& value) const {
    return value.kind == PickleKind::kDict || role_of(value) == PytorchRole::kOrderedDict;
  }

  /// Everything but the name.
  [[nodiscard]] PytorchTensor tensor(const PickleValue& value) const {
    if (outside_ != nullptr) return *find_outside(value);
    if (role_of(value) != PytorchRole::kParameter) return parse_tensor(value);
    const Refs arguments = arguments_of(value, 1);
    const PickleValue& inner = pickle_.at(arguments[0]);
    if (!is_tensor(inner) || role_of(inner) == PytorchRole::kParameter) {
      throw Error("is a parameter of what is no tensor");
    }
    return parse_tensor(inner);
  }

 private:
  struct StorageUse {
    PytorchStorage storage;
    Dtype dtype = Dtype::kU8;
    bool typed = false;
  };

  /// Null for any value that names none.
  [[nodiscard]] const PytorchTensor* find_outside(const PickleValue& value) const {
    if (value.kind != PickleKind::kPersistent) return nullptr;
    const auto found = outside_->tensors.find(pickle_.at(value.items[0]).text);
    return found == outside_->tensors.end() ? nullptr : &found->second;
  }

  [[nodiscard]] const PytorchGlobal& global_of(const PickleValue& value) const {
    return pytorch_global(static_cast<std::size_t>(value.number));
  }

  /// What a call calls; kOther for any other value.
  [[nodiscard]] PytorchRole role_of(const PickleValue& value) const {
    if (value.kind != PickleKind::kCall) return PytorchRole::kOther;
    return global_of(pickle_.at(value.items[0])).role;
  }

  /// The arguments of a call, of which there must be at least `least`.
  [[nodiscard]] Refs arguments_of(const PickleValue& value, std::size_t least) const {
    const Refs arguments = pickle_.at(value.items[1]).items;
    if (arguments.size() < least) throw Error("is described by too few values");
    return arguments;
  }

  [[nodiscard]] std::uint64_t natural(PickleRef ref, std::string_view what) const {
    const PickleValue& value = pickle_.at(ref);
    if (value.kind != PickleKind::kInteger || value.number < 0) {
      throw Error(fmt::format("its {} is no whole number of 0 or more", what));
    }
    return static_cast<std::uint64_t>(value.number);
  }

  [[nodiscard]] std::vector<std::uint64_t> naturals(PickleRef ref, std::string_view what) const {
    const PickleValue* value = &pickle_.at(ref);
    // torch.Size((2, 3)) is such a tuple too.
    if (value->kind == PickleKind::kCall && arguments_of(*value, 0).size() == 1) {
      value = &pickle_.at(arguments_of(*value, 1)[0]);
    }
    if (value->kind != PickleKind::kTuple && value->kind != PickleKind::kList) {
      throw Error(fmt::format("its {} is no tuple", what));
    }
    if (value->items.size() > kMaxDimensions) {
      throw Error(fmt::format("has more than {} dimensions", kMaxDimensions));
    }
    std::vector<std::uint64_t> numbers;
    for (const PickleRef item : value->items) numbers.push_back(natural(item, what));
    return numbers;
  }

  [[nodiscard]] StorageUse parse_storage(const PickleValue& value) const {
    if (value.kind != PickleKind::kPersistent) throw Error("its storage is no storage");
    const Refs parts = pickle_.at(value.items[0]).items;
    const auto text = [&](std::size_t i) { return pickle_.at(parts[i]).text; };
    if (parts.size() < 5 || text(0) != "storage" || text(2).empty() || text(2).size() > kMaxKey) {
      throw Error("names an object outside the file");
    }
    const PickleValue& type = pickle_.at(parts[1]);
    if (type.kind != PickleKind::kGlobal) throw Error("has a storage without a type");
    const PytorchGlobal& global = global_of(type);
    StorageUse use;
    use.typed = global.role == PytorchRole::kStorage;
    if (!use.typed && global.role != PytorchRole::kUntypedStorage) {
      throw Error(fmt::format("has a storage of type {}.{}", global.module, global.name));
    }
    use.dtype = global.dtype;
    use.storage = {std::string(text(2)), natural(parts[4], "storage size"), size_of(use.dtype)};
    checked_count(std::vector{use.storage.count}, use.storage.element);
    if (parts.size() > 5 && pickle_.at(parts[5]).kind != PickleKind::kNone) {
      throw Error("has a storage that is part of another", "save it again with a newer PyTorch");
    }
    return use;
  }

  void add_storage(PytorchStorage storage, std::vector<PytorchStorage>& list) {
    const auto [place, fresh] = places_.emplace(storage.key, list.size());
    if (fresh) {
      list.push_back(std::move(storage));
    } else if (list[place->second].bytes() != storage.bytes()) {
      throw Error(fmt::format("describes storage {} twice, as {} and as {} bytes",
                              printable(storage.key, 40), list[place->second].bytes(),
                              storage.bytes()));
    }
  }

  [[nodiscard]] Dtype dtype_argument(PickleRef ref) const {
    const PickleValue& value = pickle_.at(ref);
    if (value.kind == PickleKind::kGlobal && global_of(value).role == PytorchRole::kDtype) {
      return global_of(value).dtype;
    }
    throw Error("its dtype is no dtype");
  }

  /// Arguments: storage, offset, shape, strides, then requires_grad and hooks, which say nothing
  /// about the elements, then perhaps a dtype, then perhaps what is still to be done to them.
  [[nodiscard]] PytorchTensor parse_tensor(const PickleValue& value) const {
    const bool typed = role_of(value) == PytorchRole::kTypedTensor;
    const std::size_t known = typed ? 7 : 6;
    const Refs arguments = arguments_of(value, typed ? known : 4);
    if (arguments.size() > known && !pickle_.at(arguments[known]).entries().empty()) {
      throw Error("is a lazily conjugated or negated view",
                  "save tensor.resolve_conj().resolve_neg()");
    }
    const StorageUse use = parse_storage(pickle_.at(arguments[0]));
    if (!typed && !use.typed) throw Error("has a storage without a dtype");
    PytorchTensor tensor;
    tensor.info.dtype = typed ? dtype_argument(arguments[6]) : use.dtype;
    tensor.info.shape = naturals(arguments[2], "shape");
    tensor.storage = places_.at(use.storage.key);
    tensor.layout = {size_of(tensor.info.dtype), tensor.info.shape,
                     naturals(arguments[3], "strides")};
    place_pytorch_tensor(tensor, natural(arguments[1], "storage offset"), use.storage.bytes());
    return tensor;
  }

  const Pickle& pickle_;
  const PytorchOutside* outside_;
  std::map<std::string, std::size_t, std::less<>> places_;  ///< Of the storages by their keys.
};

/// Collects the tensors of nested containers with the way that leads to each.
class Walker {
 public:
  Walker(const Pickle& pickle, Reader& reader) : pickle_(pickle), reader_(reader) {}

  void walk(PickleRef ref) {
    if (++steps_ > kMaxSteps) throw Error(fmt::format("holds more than {} values", kMaxSteps));
    const PickleValue& value = pickle_.at(ref);
    if (reader_.is_tensor(value)) return add(value);
    if (steps_down_.size() == kMaxDepth) {
      throw Error(fmt::format("is nested more than {} levels deep, or contains itself", kMaxDepth));
    }
    if (reader_.is_dict(value)) return walk_dict(value.entries());
    if (value.kind == PickleKind::kList || value.kind == PickleKind::kTuple) {
      for (std::size_t i = 0; i < value.items.size(); ++i) walk_item({nullptr, i}, value.items[i]);
    }
  }

  std::vector<PytorchTensor> tensors;
  std::vector<PytorchPath> paths;

 private:
  /// A step from a container into it. Its text is not made before a tensor needs it: one long key
  /// may stand in many places.
  struct Step {
    const PickleValue* key;  ///< Null for a position.
    std::size_t position;
  };

  void walk_dict(Refs entries) {
    for (std::size_t i = 0; i < entries.size(); i += 2) {
      walk_item({&pickle_.at(entries[i]), 0}, entries[i + 1]);
    }
  }

  void walk_item(const Step& step, PickleRef ref) {
    steps_down_.push_back(step);
    walk(ref);
    steps_down_.pop_back();
  }

  void add(const PickleValue& value) {
    charge();
    PytorchPath path;
    try {
      for (const Step& step : steps_down_) path.push_back(text_of(step));
      tensors.push_back(reader_.tensor(value));
      told_ += 4 * sizeof(std::uint64_t) * tensors.back().info.shape.size();
    } catch (Error& error) {
      error.at_tensor(fmt::format("{}", fmt::join(path, ".")));
      throw;
    }
    paths.push_back(std::move(path));
  }

  static std::string text_of(const Step& step) {
    if (step.key == nullptr) return std::to_string(step.position);
    if (step.key->kind == PickleKind::kInteger) return std::to_string(step.key->number);
    if (step.key->kind == PickleKind::kText) return std::string(step.key->text);
    throw Error("has a key that is neither text nor a whole number");
  }

  /// One value may stand in many places: bounds the memory of what is told of all tensors.
  void charge() {
    told_ += sizeof(PytorchTensor);
    for (const Step& step : steps_down_) {
      told_ += sizeof(std::string) + (step.key == nullptr ? 0 : step.key->text.size());
    }
    if (told_ > kMaxTold) throw Error("holds too many tensors, or too long names");
  }

  const Pickle& pickle_;
  Reader& reader_;
  std::vector<Step> steps_down_;  ///< From the root to the value.
  std::uint64_t told_ = 0;
  std::size_t steps_ = 0;
};

}  // namespace

void place_pytorch_tensor(PytorchTensor& tensor, std::uint64_t offset, std::uint64_t bytes) {
  const StridedLayout& layout = tensor.layout;
  if (layout.strides.size() != layout.shape.size()) {
    throw Error(fmt::format("has {} strides for {} dimensions", layout.strides.size(),
                            layout.shape.size()));
  }
  const std::uint64_t size = checked_count(layout.shape, layout.element) * layout.element;
  const std::uint64_t count = bytes / layout.element;
  if (offset > count) {
    throw Error(fmt::format("begins at element {} of a storage of {} elements", offset, count));
  }
  tensor.begin = offset * layout.element;
  tensor.extent = layout.span(count - offset) * layout.element;
  if (size > bytes && size > kMaxRepeated) {
    throw Error(fmt::format("repeats {} bytes to {}", tensor.extent, size),
                "save what is not expanded");
  }
}

PytorchObject read_pytorch_object(const Pickle& pickle, const std::string& alone,
                                  const PytorchOutside* outside) {
  Reader reader(pickle, outside);
  PytorchObject object;
  object.storages = reader.storages();
  Walker walker(pickle, reader);
  walker.walk(pickle.root);
  if (walker.tensors.empty()) throw Error("holds no tensor");
  std::vector<std::string> names = pytorch_names(walker.paths, alone);
  for (std::size_t i = 0; i < names.size(); ++i) {
    walker.tensors[i].info.name = std::move(names[i]);
  }
  object.tensors = std::move(walker.tensors);
  return object;
}

}  // namespace wquant
