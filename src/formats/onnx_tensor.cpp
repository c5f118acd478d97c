#include "formats/onnx_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "formats/onnx_proto.h"
#include "formats/wire.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using Field = OnnxTensorField;

/// An element type: its number and name in ONNX and the typed field that can hold it.
struct TypeRow {
  std::uint64_t number;
  std::string_view name;
  std::optional<Dtype> dtype;
  std::uint32_t field = 0;
};

constexpr std::array<TypeRow, 23> kTypes = {{
    {1, "FLOAT", Dtype::kF32, Field::kFloats},
    {2, "UINT8", Dtype::kU8, Field::kInt32s},
    {3, "INT8", Dtype::kI8, Field::kInt32s},
    {4, "UINT16", Dtype::kU16, Field::kInt32s},
    {5, "INT16", Dtype::kI16, Field::kInt32s},
    {6, "INT32", Dtype::kI32, Field::kInt32s},
    {7, "INT64", Dtype::kI64, Field::kInt64s},
    {8, "STRING", std::nullopt},
    {9, "BOOL", Dtype::kBool, Field::kInt32s},
    {10, "FLOAT16", Dtype::kF16, Field::kInt32s},
    {11, "DOUBLE", Dtype::kF64, Field::kDoubles},
    {12, "UINT32", Dtype::kU32, Field::kUint64s},
    {13, "UINT64", Dtype::kU64, Field::kUint64s},
    {14, "COMPLEX64", Dtype::kC64, Field::kFloats},
    {15, "COMPLEX128", std::nullopt},
    {16, "BFLOAT16", Dtype::kBF16, Field::kInt32s},
    {17, "FLOAT8E4M3FN", Dtype::kF8E4M3, Field::kInt32s},
    {18, "FLOAT8E4M3FNUZ", std::nullopt},
    {19, "FLOAT8E5M2", Dtype::kF8E5M2, Field::kInt32s},
    {20, "FLOAT8E5M2FNUZ", std::nullopt},
    {21, "UINT4", std::nullopt},
    {22, "INT4", std::nullopt},
    {23, "FLOAT4E2M1", std::nullopt},
}};

const TypeRow* find_type(std::uint64_t number) {
  const auto* const row = std::find_if(kTypes.begin(), kTypes.end(),
                                       [&](const TypeRow& type) { return type.number == number; });
  return row == kTypes.end() ? nullptr : row;
}

Dtype dtype_of(std::uint64_t number) {
  const TypeRow* row = find_type(number);
  if (row != nullptr && row->dtype) return *row->dtype;
  throw Error(row == nullptr ? fmt::format("unknown element type {}", number)
                             : fmt::format("element type {} cannot be read", row->name));
}

const TypeRow& row_of(Dtype dtype) {
  return *std::find_if(kTypes.begin(), kTypes.end(),
                       [&](const TypeRow& type) { return type.dtype == dtype; });
}

std::uint64_t extent_of(std::uint64_t value) {
  if (static_cast<std::int64_t>(value) < 0) throw Error("its shape has a negative extent");
  return value;
}

bool holds_values(std::uint32_t field) {
  constexpr std::array kFields = {Field::kFloats, Field::kInt32s,  Field::kStrings,
                                  Field::kInt64s, Field::kDoubles, Field::kUint64s};
  return std::find(kFields.begin(), kFields.end(), field) != kFields.end();
}

void add_external(OnnxTensorProto& tensor, const WireField& entry) {
  std::string key, value;
  WireReader reader(wire_message(entry));
  for (WireField field; reader.next(field);) {
    if (field.number == OnnxEntryField::kKey) key = wire_text(field);
    if (field.number == OnnxEntryField::kValue) value = wire_text(field);
  }
  if (!tensor.external.emplace(key, value).second) {
    throw Error(fmt::format("says twice what the {} of its data is", key));
  }
}

/// Everything but the element type, which the result is.
std::uint64_t parse_fields(std::span<const std::byte> message, OnnxTensorProto& tensor) {
  std::uint64_t type = 0;
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    tensor.has_values = tensor.has_values || holds_values(field.number);
    switch (field.number) {
      case Field::kDims:
        for_each_wire_number(
            field, [&](std::uint64_t value) { tensor.info.shape.push_back(extent_of(value)); });
        break;
      case Field::kType:
        type = wire_number(field);
        break;
      case Field::kSegment:
        throw Error("is stored in segments, which cannot be read");
      case Field::kName:
        tensor.info.name = wire_text(field);
        break;
      case Field::kRaw:
        if (tensor.raw) throw Error("holds its data twice");
        tensor.raw = wire_message(field);
        break;
      case Field::kExternal:
        add_external(tensor, field);
        break;
      case Field::kLocation:
        tensor.is_external = wire_number(field) == OnnxLocation::kExternal;
        break;
      default:
        break;
    }
  }
  return type;
}

void check_tensor(OnnxTensorProto& tensor, std::uint64_t type) {
  tensor.info.dtype = dtype_of(type);
  checked_count(tensor.info.shape, size_of(tensor.info.dtype));
  // An empty list is no second place.
  if (tensor.raw && tensor.raw->empty() && (tensor.is_external || tensor.has_values)) {
    tensor.raw.reset();
  }
  if (int{tensor.raw.has_value()} + int{tensor.has_values} + int{tensor.is_external} > 1) {
    throw Error("holds its data in several places");
  }
  if (tensor.raw && tensor.raw->size() != tensor.info.bytes()) {
    throw Error(fmt::format("holds {} bytes where its shape {} takes {}", tensor.raw->size(),
                            shape_text(tensor.info.shape), tensor.info.bytes()));
  }
}

/// Bytes of one number in a fixed-size field; 0 for a field of varints.
std::size_t fixed_size(std::uint32_t field) {
  if (field == Field::kFloats) return sizeof(float);
  return field == Field::kDoubles ? sizeof(double) : 0;
}

/// True when the low `size` bytes hold the number, signed or not.
bool fits(std::uint64_t value, std::size_t size) {
  if (size >= sizeof value) return true;
  const auto number = static_cast<std::int64_t>(value);
  const std::int64_t limit = std::int64_t{1} << (8 * size);
  return number >= -limit / 2 && number < limit;
}

/// Fills a tensor's bytes with the numbers of its typed field.
class ValueDecoder {
 public:
  explicit ValueDecoder(const TensorInfo& info)
      : field_(row_of(info.dtype).field), size_(size_of(info.dtype)), bytes_(info.bytes()) {}

  void add(const WireField& field) {
    if (field.number != field_) {
      if (holds_values(field.number)) throw Error("holds data of another type than its own");
    } else if (fixed_size(field_) != 0) {
      add_bytes(field);
    } else {
      for_each_wire_number(field, [&](std::uint64_t value) { add_number(value); });
    }
  }

  std::vector<std::byte> finish() {
    if (at_ != bytes_.size()) throw Error("holds fewer numbers than its shape takes");
    return std::move(bytes_);
  }

 private:
  void add_bytes(const WireField& field) {
    if (field.bytes.size() % fixed_size(field_) != 0) throw Error("its data are cut off");
    append(field.bytes);
  }

  void add_number(std::uint64_t value) {
    if (!fits(value, size_)) throw Error("a number does not fit its element type");
    append(std::as_bytes(std::span(&value, 1)).first(size_));
  }

  void append(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    if (bytes.size() > bytes_.size() - at_) {
      throw Error("holds more numbers than its shape takes");
    }
    std::memcpy(bytes_.data() + at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

  std::uint32_t field_;
  std::size_t size_;
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
};

}  // namespace

OnnxTensorProto parse_onnx_tensor(std::span<const std::byte> message) {
  OnnxTensorProto tensor;
  try {
    check_tensor(tensor, parse_fields(message, tensor));
  } catch (Error& error) {
    if (!tensor.info.name.empty()) error.at_tensor(tensor.info.name);
    throw;
  }
  return tensor;
}

bool is_onnx_float(std::span<const std::byte> message) {
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.number != Field::kType) continue;
    const TypeRow* row = find_type(wire_number(field));
    return row != nullptr && row->dtype && is_quantizable(*row->dtype);
  }
  return false;
}

std::uint64_t onnx_type(Dtype dtype) { return row_of(dtype).number; }

std::optional<Dtype> dtype_from_onnx(std::uint64_t type) {
  const TypeRow* row = find_type(type);
  return row == nullptr ? std::nullopt : row->dtype;
}

std::span<const std::byte> find_onnx_values(std::span<const std::byte> message,
                                            const TensorInfo& info) {
  const std::uint32_t own = row_of(info.dtype).field;
  if (fixed_size(own) == 0) return {};
  std::span<const std::byte> found;
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (!holds_values(field.number)) continue;
    if (field.number != own || !found.empty()) return {};
    found = field.bytes;
  }
  return found.size() == info.bytes() ? found : std::span<const std::byte>();
}

std::vector<std::byte> decode_onnx_values(std::span<const std::byte> message,
                                          const TensorInfo& info) {
  // A number takes a byte at least: a shape cannot claim more memory than the file accounts for.
  if (info.count() > message.size()) throw Error("holds fewer numbers than its shape takes");
  ValueDecoder decoder(info);
  WireReader reader(message);
  for (WireField field; reader.next(field);) decoder.add(field);
  return decoder.finish();
}

}  // namespace wquant
