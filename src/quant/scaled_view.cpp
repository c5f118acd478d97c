#include "quant/scaled_view.h"

#include <cstring>
#include <string>
#include <vector>

#include "base/float_convert.h"
#include "wquant/error.h"

namespace wquant {
namespace {

template <typename T>
void scale(std::span<std::byte> bytes, double factor) {
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    value = static_cast<T>(static_cast<double>(value) * factor);
    std::memcpy(bytes.data() + at, &value, sizeof(T));
  }
}

/// Of 16 bits.
void scale_short(Dtype dtype, std::span<std::byte> bytes, double factor) {
  std::vector<float> values(bytes.size() / size_of(dtype));
  to_floats(dtype, bytes, values);
  for (float& value : values) value = static_cast<float>(value * factor);
  from_floats(dtype, values, bytes);
}

class ScaledView : public ModelReader {
 public:
  ScaledView(const ModelReader& model, double factor) : model_(model), factor_(factor) {}

  [[nodiscard]] const std::string& path() const override { return model_.path(); }
  [[nodiscard]] std::string_view format() const override { return model_.format(); }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return model_.tensors(); }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    const Dtype dtype = tensors()[index].dtype;
    const std::uint64_t size = size_of(dtype);
    const std::uint64_t begin = first / size * size;  // Whole elements.
    const std::uint64_t end = (first + out.size() + size - 1) / size * size;
    std::vector<std::byte> bytes(end - begin);
    model_.read(index, begin, bytes);
    if (dtype == Dtype::kF64) {
      scale<double>(bytes, factor_);
    } else if (dtype == Dtype::kF32) {
      scale<float>(bytes, factor_);
    } else {
      scale_short(dtype, bytes, factor_);
    }
    std::memcpy(out.data(), bytes.data() + (first - begin), out.size());
  }

 private:
  const ModelReader& model_;
  const double factor_;
};

}  // namespace

std::unique_ptr<ModelReader> scaled_view(const ModelReader& model, double factor) {
  for (const TensorInfo& info : model.tensors()) {
    if (is_quantizable(info.dtype)) continue;
    throw Error("holds " + std::string(name_of(info.dtype)) + ", which cannot be scaled",
                "store it as F32 or F64")
        .at_tensor(info.name)
        .at_file(model.path());
  }
  return std::make_unique<ScaledView>(model, factor);
}

}  // namespace wquant
