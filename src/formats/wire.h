#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace wquant {

/// The encoding of protobuf messages, as far as a model needs it: fields are walked where they
/// lie, so that a message is neither copied nor limited in size, and what is not understood is
/// passed on byte for byte.

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// One field of a message. The spans point into the message.
struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  std::uint64_t value = 0;           ///< Of a number.
  std::span<const std::byte> bytes;  ///< Payload: text, a message, packed numbers, a fixed number.
  std::span<const std::byte> whole;  ///< With its tag.
};

/// Walks the fields of a message. Throws Error for bytes that are no message.
class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> message) : rest_(message) {}

  /// The next field; false at the end.
  bool next(WireField& field);
  /// The next number of a packed list.
  std::uint64_t take_varint();
  [[nodiscard]] bool ended() const { return rest_.empty(); }

 private:
  std::span<const std::byte> take(std::uint64_t size);
  void take_value(WireField& field);

  std::span<const std::byte> rest_;
};

/// The field's number, text or message. Throw Error where it is of another type.
std::uint64_t wire_number(const WireField& field);
std::string_view wire_text(const WireField& field);
std::span<const std::byte> wire_message(const WireField& field);

/// Calls use(value) for the numbers of a repeated field, packed or not.
template <typename F>
void for_each_wire_number(const WireField& field, F&& use) {
  if (field.type != WireType::kBytes) return use(wire_number(field));
  WireReader packed(field.bytes);
  while (!packed.ended()) use(packed.take_varint());
}

/// A message that is being written.
class WireMessage {
 public:
  WireMessage& number(std::uint32_t field, std::uint64_t value);
  /// A repeated field, packed.
  WireMessage& numbers(std::uint32_t field, std::span<const std::uint64_t> values);
  WireMessage& text(std::uint32_t field, std::string_view value);
  WireMessage& message(std::uint32_t field, const WireMessage& value);
  /// A field of another message as it is.
  WireMessage& field(const WireField& field);

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// What stands before `size` bytes of payload.
std::string wire_prefix(std::uint32_t field, std::uint64_t size);

}  // namespace wquant
