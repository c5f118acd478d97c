#include "formats/gguf_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "formats/fields.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::string_view kAlignmentKey = "general.alignment";
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxAlignment = std::uint64_t{1} << 20;
constexpr std::size_t kMaxDimensions = 4;
constexpr int kMaxDepth = 8;  ///< Of arrays in arrays.

/// Sizes of values by their type; 0 for text (8) and arrays (9).
constexpr std::array<std::size_t, 13> kValueSizes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
constexpr std::uint64_t kU32 = 4, kText = 8, kArray = 9;
/// The fewest bytes of a key (length, type, value) and of a tensor (length, dimensions, type,
/// offset).
constexpr std::uint64_t kLeastKey = 8 + 4 + 1, kLeastTensor = 8 + 4 + 4 + 8;

std::string_view take_text(Fields& fields) { return fields.text(fields.number(8)); }

/// Bytes of a value that are always there.
std::uint64_t least_size(std::uint64_t type) {
  if (type >= kValueSizes.size()) throw Error(fmt::format("has a value of unknown type {}", type));
  return std::max<std::uint64_t>(kValueSizes[type], type == kText ? 8 : type == kArray ? 12 : 0);
}

void skip_value(Fields& fields, std::uint64_t type, int depth) {
  const std::uint64_t size = least_size(type);
  if (type == kText) {
    take_text(fields);
  } else if (type == kArray) {
    if (depth == kMaxDepth) throw Error("has values that are nested too deep");
    const std::uint64_t item = fields.number(4), count = fields.number(8);
    if (count > fields.rest().size() / least_size(item)) {
      throw Error("its header is cut off", "get it again");
    }
    if (item != kText && item != kArray) {
      fields.text(count * least_size(item));
      return;
    }
    for (std::uint64_t i = 0; i < count; ++i) skip_value(fields, item, depth + 1);
  } else {
    fields.text(size);
  }
}

/// Reads the keys; returns the alignment of the data.
std::uint64_t read_keys(Fields& fields, std::uint64_t count) {
  std::uint64_t alignment = kDefaultAlignment;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view key = take_text(fields);
    const std::uint64_t type = fields.number(4);
    if (key != kAlignmentKey) {
      skip_value(fields, type, 0);
      continue;
    }
    if (type != kU32) throw Error("its alignment is of another type than u32");
    alignment = fields.number(4);
    if (alignment == 0 || alignment > kMaxAlignment || alignment % 8 != 0) {
      throw Error(
          fmt::format("its alignment {} is no multiple of 8 up to {}", alignment, kMaxAlignment));
    }
  }
  return alignment;
}

/// The extents in C order, outermost first.
std::vector<std::uint64_t> take_shape(Fields& fields) {
  const std::uint64_t dimensions = fields.number(4);
  if (dimensions > kMaxDimensions) throw Error(fmt::format("has {} dimensions", dimensions));
  std::vector<std::uint64_t> shape(dimensions);
  for (std::size_t axis = dimensions; axis-- > 0;) shape[axis] = fields.number(8);
  return shape;
}

/// The tensor with its offset from the start of the data.
void take_tensor(Fields& fields, GgufTensor& tensor) {
  tensor.info.shape = take_shape(fields);
  const GgufType& type = gguf_type(static_cast<std::uint32_t>(fields.number(4)));
  tensor.type = &type;
  tensor.info.dtype = type.dtype;
  tensor.begin = fields.number(8);
  const std::uint64_t count = checked_count(tensor.info.shape, size_of(type.dtype));
  const std::uint64_t row = tensor.info.shape.empty() ? 1 : tensor.info.shape.back();
  if (row % type.block != 0) {
    throw Error(
        fmt::format("has rows of {} elements, which blocks of {} do not fill", row, type.block));
  }
  tensor.size = count / type.block * type.bytes;
}

/// Makes offsets those in the file and checks that all lie in it.
void place(std::vector<GgufTensor>& tensors, std::uint64_t data_begin, std::uint64_t alignment,
           std::uint64_t file_size) {
  for (GgufTensor& tensor : tensors) {
    const std::uint64_t space = file_size < data_begin ? 0 : file_size - data_begin;
    if (tensor.begin % alignment != 0) {
      throw Error(fmt::format("its offset {} is no multiple of {}", tensor.begin, alignment))
          .at_tensor(tensor.info.name);
    }
    if (tensor.begin > space || tensor.size > space - tensor.begin) {
      throw Error("its data end after the end of the file", "the file is cut off: get it again")
          .at_tensor(tensor.info.name);
    }
    tensor.begin += data_begin;
  }
}

/// A file of a few bytes could otherwise stand for as much data as it has tensors.
void check_apart(const std::vector<GgufTensor>& tensors) {
  std::vector<const GgufTensor*> order;
  order.reserve(tensors.size());
  for (const GgufTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const GgufTensor* a, const GgufTensor* b) {
    return std::pair(a->begin, a->size) < std::pair(b->begin, b->size);
  });
  std::uint64_t end = 0;
  for (const GgufTensor* tensor : order) {
    if (tensor->begin < end) {
      throw Error("overlaps another tensor").at_tensor(tensor->info.name);
    }
    end = tensor->begin + tensor->size;
  }
}

void check_version(std::uint64_t version) {
  if (version == 2 || version == 3) return;
  if ((version & 0xFFFF) == 0) {
    throw Error("is big-endian", "convert the model on a little-endian machine");
  }
  throw Error(fmt::format("is of version {} of GGUF", version), "known are 2 and 3");
}

void check_count(const Fields& fields, std::uint64_t count, std::uint64_t least,
                 std::string_view what) {
  if (count > fields.rest().size() / least) {
    throw Error(fmt::format("claims {} {}, more than the file can hold", count, what),
                "get it again");
  }
}

}  // namespace

std::vector<GgufTensor> read_gguf_header(std::span<const std::byte> file) {
  Fields fields({reinterpret_cast<const char*>(file.data()), file.size()}, "its header is cut off");
  if (!fields.rest().starts_with(kMagic)) throw Error("does not begin like a GGUF file");
  fields.text(kMagic.size());
  check_version(fields.number(4));
  const std::uint64_t count = fields.number(8), keys = fields.number(8);
  check_count(fields, keys, kLeastKey, "keys");
  const std::uint64_t alignment = read_keys(fields, keys);
  check_count(fields, count, kLeastTensor, "tensors");
  std::vector<GgufTensor> tensors(count);
  std::unordered_set<std::string_view> names;
  for (GgufTensor& tensor : tensors) {
    const std::string_view name = take_text(fields);
    tensor.info.name = name;
    try {
      if (!names.insert(name).second) throw Error("is in the file twice");
      take_tensor(fields, tensor);
    } catch (Error& error) {
      error.at_tensor(name);
      throw;
    }
  }
  const std::uint64_t data_begin = (fields.used() + alignment - 1) / alignment * alignment;
  place(tensors, data_begin, alignment, file.size());
  check_apart(tensors);
  return tensors;
}

}  // namespace wquant
