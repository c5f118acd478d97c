#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "base/float_convert.h"
#include "base/output_file.h"
#include "formats/json.h"
#include "formats/slabs.h"
#include "formats/strict_json.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Appends numbers separated by commas.
class ListText {
 public:
  template <typename T>
  void add(T value) {
    if constexpr (std::is_floating_point_v<T>) check_finite(value);
    char digits[32];
    char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    add(std::string_view(digits, end));
    // An integer without sign would come back as 0.
    if constexpr (std::is_floating_point_v<T>) {
      if (value == 0 && std::signbit(value)) text_ += ".0";
    }
  }
  void add(bool value) { add(std::string_view(value ? "true" : "false")); }

  /// What was added since the last call.
  [[nodiscard]] const std::string& text() const { return text_; }
  void clear() { text_.clear(); }

 private:
  void add(std::string_view word) {
    if (count_++ != 0) text_ += ',';
    text_ += word;
  }

  void check_finite(double value) const {
    if (std::isfinite(value)) return;
    throw Error(fmt::format("element {} is {}, which JSON does not have", count_, value),
                "write npz or safetensors");
  }

  std::string text_;
  std::uint64_t count_ = 0;
};

template <typename T>
void add_all(std::span<const std::byte> bytes, ListText& list) {
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + i, sizeof(T));
    list.add(value);
  }
}

void add_halves(Dtype dtype, std::span<const std::byte> bytes, ListText& list) {
  std::vector<float> floats(bytes.size() / size_of(dtype));
  to_floats(dtype, bytes, floats);
  for (const float value : floats) list.add(value);
}

void add_bools(std::span<const std::byte> bytes, ListText& list) {
  for (const std::byte byte : bytes) list.add(byte != std::byte{0});
}

void add_elements(Dtype dtype, std::span<const std::byte> bytes, ListText& list) {
  switch (dtype) {
    case Dtype::kBool:
      return add_bools(bytes, list);
    case Dtype::kU8:
      return add_all<std::uint8_t>(bytes, list);
    case Dtype::kI8:
      return add_all<std::int8_t>(bytes, list);
    case Dtype::kU16:
      return add_all<std::uint16_t>(bytes, list);
    case Dtype::kI16:
      return add_all<std::int16_t>(bytes, list);
    case Dtype::kU32:
      return add_all<std::uint32_t>(bytes, list);
    case Dtype::kI32:
      return add_all<std::int32_t>(bytes, list);
    case Dtype::kU64:
      return add_all<std::uint64_t>(bytes, list);
    case Dtype::kI64:
      return add_all<std::int64_t>(bytes, list);
    case Dtype::kF32:
      return add_all<float>(bytes, list);
    case Dtype::kF64:
      return add_all<double>(bytes, list);
    case Dtype::kF16:
    case Dtype::kBF16:
      return add_halves(dtype, bytes, list);
    default:
      throw Error(fmt::format("JSON holds no {}", name_of(dtype)), "write safetensors instead");
  }
}

void write_tensor(const ModelReader& model, std::size_t index, OutputFile& file, Meter& meter) {
  const TensorInfo& info = model.tensors()[index];
  file.append(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data":[)", json_string(info.name),
                          name_of(info.dtype), fmt::join(info.shape, ",")));
  ListText list;
  add_elements(info.dtype, {}, list);  // Throws for a dtype that cannot be written.
  for_each_slab(model, index, meter, [&](std::span<const std::byte> slab) {
    add_elements(info.dtype, slab, list);
    file.append(list.text());
    list.clear();
  });
  file.append("]}");
}

}  // namespace

void write_json(const ModelReader& model, const std::filesystem::path& path, Overwrite overwrite,
                const RunOptions& options) {
  OutputFile file(path, overwrite);
  Meter meter(options, total_bytes(model));
  file.append("{");
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    if (i != 0) file.append(",\n");
    try {
      write_tensor(model, i, file, meter);
    } catch (Error& error) {
      error.at_tensor(model.tensors()[i].name);
      throw;
    }
  }
  file.append("}\n");
  file.commit();
}

}  // namespace wquant
