#include "formats/pytorch_globals.h"

#include <algorithm>
#include <array>

namespace wquant {
namespace {

using enum PytorchRole;

constexpr PytorchGlobal kGlobals[] = {
    {"collections", "OrderedDict", kOrderedDict},
    {"torch._utils", "_rebuild_tensor", kTensor},
    {"torch._utils", "_rebuild_tensor_v2", kTensor},
    {"torch._utils", "_rebuild_tensor_v3", kTypedTensor},
    {"torch._utils", "_rebuild_parameter", kParameter},
    {"torch", "Size", kOther},
    {"torch", "device", kOther},
    {"torch", "BoolStorage", kStorage, Dtype::kBool},
    {"torch", "ByteStorage", kStorage, Dtype::kU8},
    {"torch", "CharStorage", kStorage, Dtype::kI8},
    {"torch", "ShortStorage", kStorage, Dtype::kI16},
    {"torch", "IntStorage", kStorage, Dtype::kI32},
    {"torch", "LongStorage", kStorage, Dtype::kI64},
    {"torch", "HalfStorage", kStorage, Dtype::kF16},
    {"torch", "BFloat16Storage", kStorage, Dtype::kBF16},
    {"torch", "FloatStorage", kStorage, Dtype::kF32},
    {"torch", "DoubleStorage", kStorage, Dtype::kF64},
    {"torch", "ComplexFloatStorage", kStorage, Dtype::kC64},
    {"torch", "UntypedStorage", kUntypedStorage},
    {"torch.storage", "UntypedStorage", kUntypedStorage},
    {"torch", "bool", kDtype, Dtype::kBool},
    {"torch", "uint8", kDtype, Dtype::kU8},
    {"torch", "int8", kDtype, Dtype::kI8},
    {"torch", "float8_e4m3fn", kDtype, Dtype::kF8E4M3},
    {"torch", "float8_e5m2", kDtype, Dtype::kF8E5M2},
    {"torch", "uint16", kDtype, Dtype::kU16},
    {"torch", "int16", kDtype, Dtype::kI16},
    {"torch", "float16", kDtype, Dtype::kF16},
    {"torch", "bfloat16", kDtype, Dtype::kBF16},
    {"torch", "uint32", kDtype, Dtype::kU32},
    {"torch", "int32", kDtype, Dtype::kI32},
    {"torch", "float32", kDtype, Dtype::kF32},
    {"torch", "uint64", kDtype, Dtype::kU64},
    {"torch", "int64", kDtype, Dtype::kI64},
    {"torch", "float64", kDtype, Dtype::kF64},
    {"torch", "complex64", kDtype, Dtype::kC64},
};

}  // namespace

std::optional<std::size_t> find_pytorch_global(std::string_view module, std::string_view name) {
  for (std::size_t i = 0; i < std::size(kGlobals); ++i) {
    if (kGlobals[i].module == module && kGlobals[i].name == name) return i;
  }
  return std::nullopt;
}

const PytorchGlobal& pytorch_global(std::size_t number) { return kGlobals[number]; }

std::string_view pytorch_storage_name(Dtype dtype) {
  for (const PytorchGlobal& global : kGlobals) {
    if (global.role == kStorage && global.dtype == dtype) return global.name;
  }
  return {};
}

}  // namespace wquant
