#include "wquant/dtype.h"

#include <array>

namespace wquant {
namespace {

struct Row {
  std::string_view name;
  std::size_t size;
};

/// In the order of the enumeration.
constexpr std::array<Row, 16> kRows = {{{"BOOL", 1},
                                        {"U8", 1},
                                        {"I8", 1},
                                        {"F8_E4M3", 1},
                                        {"F8_E5M2", 1},
                                        {"U16", 2},
                                        {"I16", 2},
                                        {"F16", 2},
                                        {"BF16", 2},
                                        {"U32", 4},
                                        {"I32", 4},
                                        {"F32", 4},
                                        {"U64", 8},
                                        {"I64", 8},
                                        {"F64", 8},
                                        {"C64", 8}}};

}  // namespace

std::size_t size_of(Dtype dtype) { return kRows[static_cast<std::size_t>(dtype)].size; }

std::string_view name_of(Dtype dtype) { return kRows[static_cast<std::size_t>(dtype)].name; }

std::optional<Dtype> dtype_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].name == name) return static_cast<Dtype>(i);
  }
  return std::nullopt;
}

bool is_quantizable(Dtype dtype) {
  return dtype == Dtype::kF64 || dtype == Dtype::kF32 || dtype == Dtype::kF16 ||
         dtype == Dtype::kBF16;
}

}  // namespace wquant
