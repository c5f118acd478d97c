#include "formats/wire.h"

#include <gmock/gmock.h>

#include <limits>
#include <vector>

#include "formats/byte_rope.h"
#include "formats/safetensors_support.h"

namespace wquant {
namespace {

using test::error_of;
using testing::HasSubstr;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Walks the fields of a message; returns how many there are.
std::size_t walk(std::string_view bytes) {
  WireReader reader(bytes_of(bytes));
  std::size_t count = 0;
  for (WireField field; reader.next(field);) ++count;
  return count;
}

TEST(Wire, FieldsComeBack) {
  const WireMessage inner = WireMessage().text(3, "abc");
  std::vector<std::uint64_t> values = {
      0, 1, 127, 128, 1U << 14, std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max()};
  WireMessage message;
  for (const std::uint64_t value : values) message.number(1, value);
  message.message(20, inner);
  WireReader reader(bytes_of(message.bytes()));
  WireField field;
  std::size_t size = 0;
  for (const std::uint64_t value : values) {
    ASSERT_TRUE(reader.next(field));
    EXPECT_EQ(wire_number(field), value);
    size += field.whole.size();
  }
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.number, 20U);
  EXPECT_EQ(wire_text(field), inner.bytes());
  EXPECT_EQ(size + field.whole.size(), message.bytes().size());
  EXPECT_FALSE(reader.next(field));
}

TEST(Wire, FixedNumbersAndPackedListsAreRead) {
  WireReader reader(
      bytes_of(std::string_view("\x0d"
                                "abcd"
                                "\x11"
                                "abcdefgh"
                                "\x1a\x03\x01\x80\x01",
                                19)));
  WireField field;
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.bytes.size(), 4U);
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.bytes.size(), 8U);
  ASSERT_TRUE(reader.next(field));
  std::vector<std::uint64_t> numbers;
  for_each_wire_number(field, [&](std::uint64_t number) { numbers.push_back(number); });
  EXPECT_THAT(numbers, testing::ElementsAre(1, 128));
}

TEST(Wire, BytesThatAreNoMessageAreRefused) {
  struct Case {
    std::string_view bytes, error;
  };
  const Case cases[] = {
      {{"\x08", 1}, "cut off"},
      {{"\x08\x80", 2}, "cut off"},
      {{"\x0a\x02x", 3}, "cut off"},
      {{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 12}, "cut off"},
      {{"\x0d"
        "abc",
        4},
       "cut off"},
      {{"\x11"
        "abcdefg",
        8},
       "cut off"},
      {{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11}, "64 bits"},
      {{"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12}, "64 bits"},
      {{"\x00\x00", 2}, "invalid number"},
      {{"\x88\x80\x80\x80\x80\x01\x00", 7}, "invalid number"},
      {{"\x0b\x00", 2}, "unknown type"},
      {{"\x0e\x00", 2}, "unknown type"},
  };
  for (const Case& one : cases) {
    EXPECT_THAT(error_of([&] { walk(one.bytes); }), HasSubstr(one.error)) << one.bytes;
  }
}

TEST(Wire, ValuesOfAWrongTypeAreRefused) {
  WireField field;
  WireReader number(bytes_of(std::string_view("\x08\x01", 2)));
  ASSERT_TRUE(number.next(field));
  EXPECT_THAT(error_of([&] { wire_text(field); }), HasSubstr("wrong type"));
  EXPECT_THAT(error_of([&] { wire_message(field); }), HasSubstr("wrong type"));
  WireReader text(bytes_of(std::string_view("\x0a\x00", 2)));
  ASSERT_TRUE(text.next(field));
  EXPECT_THAT(error_of([&] { wire_number(field); }), HasSubstr("wrong type"));
}

TEST(ByteRope, PiecesComeInOrderAndNeighboursAreOne) {
  const std::string text = "0123456789";
  ByteRope inner, rope;
  inner.add_text("ab");
  inner.add_hole(7, 100);
  rope.add_bytes(bytes_of(text).first(3));
  rope.add_bytes(bytes_of(text).subspan(3));
  rope.add_text("x");
  rope.add_text("");
  rope.add_message(1, std::move(inner));
  ASSERT_EQ(rope.pieces().size(), 4U);
  EXPECT_EQ(rope.pieces()[0].size, 10U);
  EXPECT_EQ(rope.pieces()[1].text, "x\x0a\x66");
  EXPECT_EQ(rope.pieces()[3].hole, 7U);
  EXPECT_EQ(rope.size(), 10U + 3U + 102U);
}

}  // namespace
}  // namespace wquant
