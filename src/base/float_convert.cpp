#include "base/float_convert.h"

#include <Eigen/Core>
#include <cstring>

#include "wquant/error.h"

namespace wquant {
namespace {

template <typename From, typename To>
void convert(const std::byte* in, std::byte* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    From from;
    std::memcpy(&from, in + i * sizeof(From), sizeof(From));
    const To to = static_cast<To>(from);
    std::memcpy(out + i * sizeof(To), &to, sizeof(To));
  }
}

/// Calls f<T>() with the C++ type of a quantizable dtype other than F32.
template <typename F>
void with_type(Dtype dtype, F&& f) {
  switch (dtype) {
    case Dtype::kF64:
      return f(double{});
    case Dtype::kF16:
      return f(Eigen::half{});
    case Dtype::kBF16:
      return f(Eigen::bfloat16{});
    default:
      throw Error("dtype " + std::string(name_of(dtype)) + " is no floating-point type");
  }
}

}  // namespace

void to_floats(Dtype dtype, std::span<const std::byte> bytes, std::span<float> out) {
  auto* to = reinterpret_cast<std::byte*>(out.data());
  if (out.empty()) return;
  if (dtype == Dtype::kF32) {
    std::memcpy(to, bytes.data(), out.size_bytes());
    return;
  }
  with_type(dtype,
            [&](auto from) { convert<decltype(from), float>(bytes.data(), to, out.size()); });
}

void from_floats(Dtype dtype, std::span<const float> values, std::span<std::byte> bytes) {
  const auto* from = reinterpret_cast<const std::byte*>(values.data());
  if (values.empty()) return;
  if (dtype == Dtype::kF32) {
    std::memcpy(bytes.data(), from, values.size_bytes());
    return;
  }
  with_type(dtype,
            [&](auto to) { convert<float, decltype(to)>(from, bytes.data(), values.size()); });
}

}  // namespace wquant
