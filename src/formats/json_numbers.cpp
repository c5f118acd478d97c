#include "formats/json_numbers.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "base/float_convert.h"
#include "base/text.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Integers up to here are doubles.
constexpr std::uint64_t kExactInteger = std::uint64_t{1} << 53;

/// True when the text may be nearer to another float than its double is: the double lies exactly
/// between two floats, or where floats are subnormal.
bool may_round_twice(double value) {
  const std::uint64_t low = std::bit_cast<std::uint64_t>(value) & ((std::uint64_t{1} << 29) - 1);
  return low == std::uint64_t{1} << 28 ||
         (value != 0 && std::abs(value) < static_cast<double>(std::numeric_limits<float>::min()));
}

template <typename T>
std::optional<T> parse_whole(const std::string& text) {
  T value = {};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_integer(const std::string& text) {
  return text.find_first_not_of("-0123456789") == std::string::npos;
}

[[noreturn]] void throw_out_of_range(std::size_t index, double value, const std::string* text,
                                     Dtype dtype) {
  throw Error(fmt::format("number {} at element {} is not in the range of {}",
                          text != nullptr ? printable(*text, 40) : fmt::format("{}", value), index,
                          name_of(dtype)));
}

double to_double(double value, const std::string* text) {
  return text == nullptr ? value : parse_whole<double>(*text).value_or(value);
}

/// The float nearest to the text; infinite beyond the range.
float to_float(double value, const std::string* text) {
  const std::optional<float> parsed = text == nullptr ? std::nullopt : parse_whole<float>(*text);
  // Only what is out of the range of float does not parse: too large or too small.
  return parsed ? *parsed : static_cast<float>(value);
}

template <typename T>
std::optional<T> to_integer(double value, const std::string* text) {
  if (text != nullptr && is_integer(*text)) return parse_whole<T>(*text);
  const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
  const double begin = std::is_signed_v<T> ? -end : 0;
  if (value < begin || value >= end || value != std::trunc(value)) return std::nullopt;
  return static_cast<T>(value);
}

}  // namespace

void JsonNumbers::add(double value, const std::string& text) {
  if (may_round_twice(value) || (std::abs(value) > kExactInteger && is_integer(text))) {
    exact_.push_back({size(), text});
  }
  values_.push_back(value);
}

void JsonNumbers::add(std::int64_t value) {
  if (value < 0 && std::uint64_t{0} - static_cast<std::uint64_t>(value) > kExactInteger) {
    exact_.push_back({size(), std::to_string(value)});
  }
  values_.push_back(static_cast<double>(value));
}

void JsonNumbers::add(std::uint64_t value) {
  if (value > kExactInteger) exact_.push_back({size(), std::to_string(value)});
  values_.push_back(static_cast<double>(value));
}

void JsonNumbers::add(bool value) {
  ++bools_;
  values_.push_back(value ? 1 : 0);
}

Dtype JsonNumbers::default_dtype() const {
  if (bools_ == 0) return Dtype::kF32;
  if (bools_ == size()) return Dtype::kBool;
  throw Error("mixes numbers with true and false");
}

/// `number` makes a T of an element's double and, where there is one, its text.
template <typename T, typename Convert>
std::vector<std::byte> JsonNumbers::convert(Convert&& number) const {
  std::vector<std::byte> bytes(size() * sizeof(T));
  auto exact = exact_.begin();
  for (std::size_t i = 0; i < size(); ++i) {
    const std::string* text = nullptr;
    if (exact != exact_.end() && exact->index == i) text = &exact++->text;
    const T value = number(i, values_[i], text);
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return bytes;
}

template <typename T>
std::vector<std::byte> JsonNumbers::to_integers(Dtype dtype) const {
  return convert<T>([&](std::size_t i, double value, const std::string* text) {
    const std::optional<T> integer = to_integer<T>(value, text);
    if (!integer) throw_out_of_range(i, value, text, dtype);
    return *integer;
  });
}

std::vector<std::byte> JsonNumbers::to_bools() const {
  return convert<std::uint8_t>([](std::size_t i, double value, const std::string* text) {
    if (value != 0 && value != 1) throw_out_of_range(i, value, text, Dtype::kBool);
    return static_cast<std::uint8_t>(value);
  });
}

std::vector<std::byte> JsonNumbers::to_halves(Dtype dtype) const {
  const std::vector<std::byte> singles = to_bytes(Dtype::kF32);
  std::vector<float> floats(size());
  to_floats(Dtype::kF32, singles, floats);
  std::vector<std::byte> bytes(size() * size_of(dtype));
  from_floats(dtype, floats, bytes);
  to_floats(dtype, bytes, floats);
  for (std::size_t i = 0; i < size(); ++i) {
    if (!std::isfinite(floats[i])) throw_out_of_range(i, values_[i], nullptr, dtype);
  }
  return bytes;
}

std::vector<std::byte> JsonNumbers::to_bytes(Dtype dtype) const {
  if (bools_ != 0 && dtype != Dtype::kBool) {
    throw Error(fmt::format("holds true or false where its dtype is {}", name_of(dtype)));
  }
  switch (dtype) {
    case Dtype::kBool:
      return to_bools();
    case Dtype::kU8:
      return to_integers<std::uint8_t>(dtype);
    case Dtype::kI8:
      return to_integers<std::int8_t>(dtype);
    case Dtype::kU16:
      return to_integers<std::uint16_t>(dtype);
    case Dtype::kI16:
      return to_integers<std::int16_t>(dtype);
    case Dtype::kU32:
      return to_integers<std::uint32_t>(dtype);
    case Dtype::kI32:
      return to_integers<std::int32_t>(dtype);
    case Dtype::kU64:
      return to_integers<std::uint64_t>(dtype);
    case Dtype::kI64:
      return to_integers<std::int64_t>(dtype);
    case Dtype::kF16:
    case Dtype::kBF16:
      return to_halves(dtype);
    case Dtype::kF32:
      return convert<float>([](std::size_t i, double value, const std::string* text) {
        const float single = to_float(value, text);
        if (!std::isfinite(single)) throw_out_of_range(i, value, text, Dtype::kF32);
        return single;
      });
    case Dtype::kF64:
      return convert<double>([](std::size_t, double value, const std::string* text) {
        return to_double(value, text);
      });
    default:
      throw Error(fmt::format("dtype {} is unsupported in JSON", name_of(dtype)),
                  "use safetensors");
  }
}

}  // namespace wquant
