#include "formats/optional/hdf5/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "wquant/error.h"

namespace wquant {
namespace {

constexpr const char* kUnreadable = "the dataset cannot be opened";

/// The parts of a floating-point number: bits of the exponent and the fraction, which follow each
/// other from bit 0, the sign above them.
struct FloatRow {
  std::size_t size, exponent, fraction;
  Dtype dtype;
};
constexpr std::array<FloatRow, 4> kFloats = {{{2, 5, 10, Dtype::kF16},
                                              {2, 8, 7, Dtype::kBF16},
                                              {4, 8, 23, Dtype::kF32},
                                              {8, 11, 52, Dtype::kF64}}};

struct IntegerRow {
  std::size_t size;
  H5T_sign_t sign;
  Dtype dtype;
};
constexpr std::array<IntegerRow, 8> kIntegers = {{{1, H5T_SGN_NONE, Dtype::kU8},
                                                  {2, H5T_SGN_NONE, Dtype::kU16},
                                                  {4, H5T_SGN_NONE, Dtype::kU32},
                                                  {8, H5T_SGN_NONE, Dtype::kU64},
                                                  {1, H5T_SGN_2, Dtype::kI8},
                                                  {2, H5T_SGN_2, Dtype::kI16},
                                                  {4, H5T_SGN_2, Dtype::kI32},
                                                  {8, H5T_SGN_2, Dtype::kI64}}};

std::optional<Dtype> float_dtype(hid_t type) {
  std::size_t sign = 0, exponent_at = 0, exponent = 0, fraction_at = 0, fraction = 0;
  if (H5Tget_fields(type, &sign, &exponent_at, &exponent, &fraction_at, &fraction) < 0) return {};
  const auto* const row = std::find_if(kFloats.begin(), kFloats.end(), [&](const FloatRow& one) {
    return one.size == H5Tget_size(type) && one.exponent == exponent && one.fraction == fraction &&
           fraction_at == 0 && exponent_at == fraction && sign == fraction + exponent;
  });
  return row == kFloats.end() ? std::nullopt : std::optional(row->dtype);
}

std::optional<Dtype> integer_dtype(hid_t type) {
  const std::size_t size = H5Tget_size(type);
  if (H5Tget_precision(type) != 8 * size) return {};
  const auto* const row = std::find_if(
      kIntegers.begin(), kIntegers.end(),
      [&](const IntegerRow& one) { return one.size == size && one.sign == H5Tget_sign(type); });
  return row == kIntegers.end() ? std::nullopt : std::optional(row->dtype);
}

/// h5py writes truth values as an enumeration of two bytes.
std::optional<Dtype> enum_dtype(hid_t type) {
  const bool is_bool = H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2;
  return is_bool ? std::optional(Dtype::kBool) : std::nullopt;
}

Dtype dtype_of(hid_t type) {
  std::optional<Dtype> dtype;
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_FLOAT) dtype = float_dtype(type);
  if (kind == H5T_INTEGER) dtype = integer_dtype(type);
  if (kind == H5T_ENUM) dtype = enum_dtype(type);
  if (dtype) return *dtype;
  throw Error(kind == H5T_STRING ? "holds text" : "holds elements of an unknown type",
              "only datasets of numbers can be read");
}

bool is_little_endian(hid_t type) {
  return H5Tget_size(type) == 1 || H5Tget_order(type) == H5T_ORDER_LE;
}

/// The dataset's type with its bytes in the order of this machine.
Hdf5Handle memory_type(hid_t type) {
  Hdf5Handle copy(H5Tcopy(type), H5Tclose, kUnreadable);
  if (!is_little_endian(type)) H5Tset_order(copy.get(), H5T_ORDER_LE);
  return copy;
}

std::vector<std::uint64_t> shape_of(hid_t space) {
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return {0};
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0) throw Error(kUnreadable);
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space, extents.data(), nullptr);
  return {extents.begin(), extents.end()};
}

Hdf5Handle open_dataset(hid_t file, const std::string& path) {
  return {H5Dopen2(file, path.c_str(), H5P_DEFAULT), H5Dclose, kUnreadable};
}

Hdf5Handle type_of(const Hdf5Handle& dataset) {
  return {H5Dget_type(dataset.get()), H5Tclose, kUnreadable};
}

void check_storage(const Hdf5Handle& dataset) {
  const Hdf5Handle properties(H5Dget_create_plist(dataset.get()), H5Pclose, kUnreadable);
  if (H5Pget_layout(properties.get()) == H5D_VIRTUAL ||
      H5Pget_external_count(properties.get()) > 0) {
    throw Error("its data lie in another file", "put a copy of the dataset in its place");
  }
}

Hdf5Dataset describe(hid_t file, const std::string& path, const std::string& name) {
  const Hdf5Handle dataset = open_dataset(file, path);
  const Hdf5Handle type = type_of(dataset);
  const Hdf5Handle space(H5Dget_space(dataset.get()), H5Sclose, kUnreadable);
  check_storage(dataset);
  Hdf5Dataset result{path, {name, shape_of(space.get()), dtype_of(type.get())}, {}};
  checked_count(result.info.shape, size_of(result.info.dtype));
  // Undefined for data that are chunked, lie in the header, or were never written.
  const haddr_t offset = H5Dget_offset(dataset.get());
  if (offset != HADDR_UNDEF && is_little_endian(type.get())) result.offset = offset;
  return result;
}

}  // namespace

Hdf5Dataset open_hdf5_dataset(hid_t file, const std::string& path, const std::string& name) {
  try {
    return describe(file, path, name);
  } catch (Error& error) {
    error.at_tensor(name);
    throw;
  }
}

void read_hdf5_dataset(hid_t file, const Hdf5Dataset& dataset, std::span<std::byte> out) {
  const Hdf5Handle handle = open_dataset(file, dataset.path);
  const Hdf5Handle type = memory_type(type_of(handle).get());
  if (H5Dread(handle.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) < 0) {
    throw Error("its data cannot be read",
                "the file may be damaged, or packed by a filter that is "
                "not installed")
        .at_tensor(dataset.info.name);
  }
}

void write_hdf5_dataset(hid_t file, const Hdf5Dataset& dataset, std::span<const std::byte> bytes) {
  const Hdf5Handle handle = open_dataset(file, dataset.path);
  const Hdf5Handle type = memory_type(type_of(handle).get());
  if (H5Dwrite(handle.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) {
    throw Error("its data cannot be written").at_tensor(dataset.info.name);
  }
}

}  // namespace wquant
