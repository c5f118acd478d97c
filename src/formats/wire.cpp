#include "formats/wire.h"

#include <fmt/format.h>

#include <limits>

#include "wquant/error.h"

namespace wquant {
namespace {

constexpr int kTypeBits = 3;
constexpr int kVarintBits = 7;
constexpr int kLastShift = 63;  ///< Of the tenth byte, of which one bit is left.

[[noreturn]] void fail_cut() { throw Error("a field is cut off", "get the file again"); }

[[noreturn]] void fail_type(std::uint32_t number) {
  throw Error(fmt::format("field {} of a message is of a wrong type", number));
}

void append_varint(std::string& bytes, std::uint64_t value) {
  constexpr std::uint64_t kMore = 1U << kVarintBits;
  for (; value >= kMore; value >>= kVarintBits) {
    bytes += static_cast<char>(value % kMore + kMore);
  }
  bytes += static_cast<char>(value);
}

void append_tag(std::string& bytes, std::uint32_t field, WireType type) {
  append_varint(bytes, std::uint64_t{field} << kTypeBits | static_cast<unsigned>(type));
}

}  // namespace

std::uint64_t WireReader::take_varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift <= kLastShift; shift += kVarintBits) {
    const auto byte = std::to_integer<std::uint64_t>(take(1).front());
    if (shift == kLastShift && byte > 1) break;
    value |= (byte & 0x7FU) << shift;
    if (byte < 0x80U) return value;
  }
  throw Error("a number of a message does not fit 64 bits");
}

std::span<const std::byte> WireReader::take(std::uint64_t size) {
  if (size > rest_.size()) fail_cut();
  const std::span<const std::byte> taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

void WireReader::take_value(WireField& field) {
  switch (field.type) {
    case WireType::kVarint:
      field.value = take_varint();
      return;
    case WireType::kFixed64:
      field.bytes = take(sizeof(std::uint64_t));
      return;
    case WireType::kBytes:
      field.bytes = take(take_varint());
      return;
    case WireType::kFixed32:
      field.bytes = take(sizeof(std::uint32_t));
      return;
  }
  throw Error(fmt::format("field {} of a message is of an unknown type", field.number));
}

bool WireReader::next(WireField& field) {
  if (rest_.empty()) return false;
  const std::span<const std::byte> begin = rest_;
  const std::uint64_t tag = take_varint();
  if (tag >> kTypeBits == 0 || tag > std::numeric_limits<std::uint32_t>::max()) {
    throw Error("a message holds a field with an invalid number");
  }
  field = {};
  field.number = static_cast<std::uint32_t>(tag >> kTypeBits);
  field.type = static_cast<WireType>(tag % (1U << kTypeBits));
  take_value(field);
  field.whole = begin.first(begin.size() - rest_.size());
  return true;
}

std::uint64_t wire_number(const WireField& field) {
  if (field.type != WireType::kVarint) fail_type(field.number);
  return field.value;
}

std::span<const std::byte> wire_message(const WireField& field) {
  if (field.type != WireType::kBytes) fail_type(field.number);
  return field.bytes;
}

std::string_view wire_text(const WireField& field) {
  const std::span<const std::byte> bytes = wire_message(field);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

WireMessage& WireMessage::number(std::uint32_t field, std::uint64_t value) {
  append_tag(bytes_, field, WireType::kVarint);
  append_varint(bytes_, value);
  return *this;
}

WireMessage& WireMessage::numbers(std::uint32_t field, std::span<const std::uint64_t> values) {
  std::string packed;
  for (const std::uint64_t value : values) append_varint(packed, value);
  return text(field, packed);
}

WireMessage& WireMessage::text(std::uint32_t field, std::string_view value) {
  bytes_ += wire_prefix(field, value.size());
  bytes_ += value;
  return *this;
}

WireMessage& WireMessage::message(std::uint32_t field, const WireMessage& value) {
  return text(field, value.bytes());
}

WireMessage& WireMessage::field(const WireField& field) {
  bytes_.append(reinterpret_cast<const char*>(field.whole.data()), field.whole.size());
  return *this;
}

std::string wire_prefix(std::uint32_t field, std::uint64_t size) {
  std::string bytes;
  append_tag(bytes, field, WireType::kBytes);
  append_varint(bytes, size);
  return bytes;
}

}  // namespace wquant
