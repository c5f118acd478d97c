#include "formats/npy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "formats/npy_dict.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using namespace std::string_view_literals;

constexpr auto kMagic = "\x93NUMPY"sv;
constexpr std::size_t kAlignment = 64;

struct TypeRow {
  std::string_view code;  ///< Without the byte order.
  Dtype dtype;
};
constexpr std::array<TypeRow, 13> kTypes = {{{"b1", Dtype::kBool},
                                             {"u1", Dtype::kU8},
                                             {"i1", Dtype::kI8},
                                             {"u2", Dtype::kU16},
                                             {"i2", Dtype::kI16},
                                             {"f2", Dtype::kF16},
                                             {"u4", Dtype::kU32},
                                             {"i4", Dtype::kI32},
                                             {"f4", Dtype::kF32},
                                             {"u8", Dtype::kU64},
                                             {"i8", Dtype::kI64},
                                             {"f8", Dtype::kF64},
                                             {"c8", Dtype::kC64}}};

/// Kinds of types that hold something else than numbers, or numbers too wide, and the way out.
struct KindRow {
  std::string_view code;
  std::string_view what, remedy;
};
constexpr std::array<KindRow, 9> kRefused = {{
    {"O", "pickled Python objects, which are never loaded", "save plain numeric arrays"},
    {"U", "text", "save plain numeric arrays"},
    {"S", "text", "save plain numeric arrays"},
    {"V2", "records of 2 bytes without a name (bfloat16 is saved like this)",
     "save it as float32, or in a safetensors file"},
    {"V", "records without a name", "save plain numeric arrays"},
    {"M", "dates", "save plain numeric arrays"},
    {"m", "durations", "save plain numeric arrays"},
    {"c", "complex numbers wider than complex64", "save it with astype('complex64')"},
    {"f", "floating-point numbers wider than float64", "save it with astype('float64')"},
}};

[[noreturn]] void refuse(std::string_view descr, std::string_view code) {
  for (const KindRow& row : kRefused) {
    if (code != row.code && (row.code.size() > 1 || !code.starts_with(row.code))) continue;
    throw Error(
        fmt::format("holds {} (dtype '{}'), which is unsupported", row.what, printable(descr, 40)),
        std::string(row.remedy));
  }
  throw Error(fmt::format("unknown dtype '{}'", printable(descr, 40)));
}

void set_type(NpyHeader& header, std::string_view descr) {
  const std::string_view code = descr.substr(std::min<std::size_t>(1, descr.size()));
  const auto row = std::find_if(kTypes.begin(), kTypes.end(),
                                [&](const TypeRow& type) { return type.code == code; });
  if (row == kTypes.end()) refuse(descr, code);
  header.dtype = row->dtype;
  const bool one_byte = size_of(row->dtype) == 1;
  // "=" is the byte order of whoever wrote the file; NumPy resolves it before it writes.
  const std::string_view orders = one_byte ? "|<>=" : "<>";
  if (orders.find(descr.front()) == std::string_view::npos) {
    throw Error(fmt::format("unknown byte order in dtype '{}'", printable(descr, 40)));
  }
  header.big_endian = !one_byte && descr.front() == '>';
}

/// Where the text of the header lies.
struct Frame {
  std::size_t text_begin, text_size;
};

Frame find_text(std::string_view head) {
  if (!is_npy(head)) throw Error("does not begin like a .npy file");
  if (head.size() < 8) throw Error("is cut off in its header", "get it again");
  const auto major = static_cast<unsigned char>(head[6]);
  const auto minor = static_cast<unsigned char>(head[7]);
  if (major < 1 || major > 3 || minor != 0) {
    throw Error(fmt::format("has version {}.{} of the .npy format", major, minor),
                "known are 1.0, 2.0 and 3.0");
  }
  const std::size_t width = major == 1 ? 2 : 4;
  if (head.size() < 8 + width) throw Error("is cut off in its header", "get it again");
  std::uint32_t size = 0;
  std::memcpy(&size, head.data() + 8, width);
  return {8 + width, size};
}

/// True when at most one extent is more than 1: both orders are then the same.
bool is_line(std::span<const std::uint64_t> shape) {
  return std::count_if(shape.begin(), shape.end(), [](auto extent) { return extent > 1; }) <= 1;
}

std::string python_tuple(std::span<const std::uint64_t> shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

}  // namespace

bool is_npy(std::string_view head) { return head.starts_with(kMagic); }

NpyHeader parse_npy_header(std::span<const std::byte> head, std::uint64_t size) {
  const std::string_view chars(reinterpret_cast<const char*>(head.data()), head.size());
  const Frame frame = find_text(chars);
  if (frame.text_size > kMaxNpyHeader - frame.text_begin) {
    throw Error(
        fmt::format("its header of {} bytes is too long for a numeric array", frame.text_size));
  }
  if (frame.text_size > chars.size() - frame.text_begin) {
    throw Error("is cut off in its header", "get it again");
  }
  NpyDict dict = parse_npy_dict(chars.substr(frame.text_begin, frame.text_size));
  NpyHeader header;
  set_type(header, dict.descr);
  header.shape = std::move(dict.shape);
  header.fortran_order = dict.fortran_order && !is_line(header.shape);
  header.data_begin = frame.text_begin + frame.text_size;
  const std::size_t element = size_of(header.dtype);
  const std::uint64_t expected = checked_count(header.shape, element) * element;
  const std::uint64_t present = size - header.data_begin;
  if (present != expected) {
    throw Error(fmt::format("holds {} bytes of data where {} of {} take {}", present,
                            shape_text(header.shape), name_of(header.dtype), expected),
                present < expected ? "the file is cut off: get it again" : "");
  }
  return header;
}

std::string make_npy_header(const TensorInfo& info) {
  const auto row = std::find_if(kTypes.begin(), kTypes.end(),
                                [&](const TypeRow& type) { return type.dtype == info.dtype; });
  if (row == kTypes.end()) {
    throw Error(fmt::format("NumPy has no dtype for {}", name_of(info.dtype)),
                "write safetensors instead")
        .at_tensor(info.name);
  }
  std::string text =
      fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': {}, }}",
                  size_of(info.dtype) == 1 ? '|' : '<', row->code, python_tuple(info.shape));
  const std::size_t begin = kMagic.size() + 4;
  const std::size_t end = (begin + text.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  if (end - begin > 0xFFFF) {
    throw Error("has too many dimensions for NumPy").at_tensor(info.name);
  }
  text.resize(end - begin - 1, ' ');
  text += '\n';
  std::string header(kMagic);
  header += "\x01"sv;
  header += "\x00"sv;
  header += static_cast<char>(text.size() & 0xFF);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

}  // namespace wquant
