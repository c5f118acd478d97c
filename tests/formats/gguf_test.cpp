#include "formats/gguf.h"

#include <gmock/gmock.h>

#include <array>
#include <functional>

#include "formats/numpy_support.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using test::le;
using test::read_tensor;
using testing::HasSubstr;

// Codes of types.
constexpr std::uint32_t kF32 = 0, kQ40 = 2, kQ41 = 3, kQ50 = 6, kQ51 = 7, kQ80 = 8;

std::string text(std::string_view value) { return le(value.size(), 8) + std::string(value); }

std::string key(std::string_view name, std::uint32_t type, std::string_view value) {
  return text(name) + le(type, 4) + std::string(value);
}

struct Part {
  std::string name;
  std::vector<std::uint64_t> extents;  ///< As the file has them: innermost first.
  std::uint32_t type = kF32;
  std::uint64_t offset = 0;
};

std::string describe(const Part& part) {
  std::string bytes = text(part.name) + le(part.extents.size(), 4);
  for (const std::uint64_t extent : part.extents) bytes += le(extent, 8);
  return bytes + le(part.type, 4) + le(part.offset, 8);
}

struct Keys {
  std::uint64_t count = 0;
  std::string bytes;
  std::size_t alignment = 32;
};

std::string gguf_bytes(const std::vector<Part>& parts, std::string_view data, const Keys& keys = {},
                       std::uint32_t version = 3) {
  std::string bytes =
      "GGUF" + le(version, 4) + le(parts.size(), 8) + le(keys.count, 8) + keys.bytes;
  for (const Part& part : parts) bytes += describe(part);
  bytes.resize((bytes.size() + keys.alignment - 1) / keys.alignment * keys.alignment, '\0');
  return bytes.append(data);
}

std::string ramp(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7);
  return bytes;
}

TEST(Gguf, PlainTensorsAreViewedInReversedShape) {
  const Folder folder;
  struct Type {
    std::uint32_t code;
    Dtype dtype;
  };
  for (const Type type : {Type{0, Dtype::kF32}, Type{1, Dtype::kF16}, Type{24, Dtype::kI8},
                          Type{25, Dtype::kI16}, Type{26, Dtype::kI32}, Type{27, Dtype::kI64},
                          Type{28, Dtype::kF64}, Type{30, Dtype::kBF16}}) {
    const std::string data = ramp(24 * size_of(type.dtype));
    for (const std::uint32_t version : {2U, 3U}) {
      test::write_file(folder / "m", gguf_bytes({{"w", {4, 3, 2}, type.code}}, data, {}, version));
      const auto model = open_model(folder / "m");
      EXPECT_EQ(model->format(), "gguf");
      EXPECT_EQ(model->tensors()[0].shape, (std::vector<std::uint64_t>{2, 3, 4}));
      EXPECT_EQ(model->tensors()[0].dtype, type.dtype);
      EXPECT_EQ(read_tensor(*model, 0), data);
      EXPECT_EQ(model->view(0).size(), data.size());
    }
  }
}

/// Codes 0..limit-1 of 64 elements, in no simple order.
std::vector<std::uint32_t> some_codes(std::uint32_t limit) {
  std::vector<std::uint32_t> codes;
  for (std::uint32_t i = 0; i < 64; ++i) codes.push_back(i * 2654435761U % 65521 % limit);
  return codes;
}

/// The lowest four bits: byte i has those of elements i and i + 16 of the block.
std::string nibbles(std::span<const std::uint32_t> codes) {
  std::string bytes;
  for (std::size_t i = 0; i < 16; ++i) {
    bytes += static_cast<char>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
  }
  return bytes;
}

std::string fifth_bits(std::span<const std::uint32_t> codes) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 32; ++i) bits |= (codes[i] >> 4 & 1) << i;
  return le(bits, 4);
}

std::string bytes_of(std::span<const std::uint32_t> codes) {
  std::string bytes;
  for (const std::uint32_t code : codes) bytes += static_cast<char>(code);
  return bytes;
}

/// A quantized type as two blocks of codes.
struct Quantized {
  std::uint32_t type, codes;
  bool has_minimum;
  float centre;
  std::function<std::string(std::span<const std::uint32_t>)> pack;
};

std::vector<Quantized> quantized_types() {
  const auto both = [](std::span<const std::uint32_t> codes) {
    return fifth_bits(codes) + nibbles(codes);
  };
  return {{kQ40, 16, false, 8, nibbles},
          {kQ41, 16, true, 0, nibbles},
          {kQ50, 32, false, 16, both},
          {kQ51, 32, true, 0, both},
          {kQ80, 256, false, 0, bytes_of}};
}

TEST(Gguf, QuantizedBlocksAreDecodedFromAnyByte) {
  const Folder folder;
  const std::array<float, 2> scales = {0.5F, -0.25F}, minima = {3, -1.5F};
  const std::array<std::uint16_t, 2> half_scales = {0x3800, 0xB400}, half_minima = {0x4200, 0xBE00};
  for (const Quantized& quantized : quantized_types()) {
    const std::vector<std::uint32_t> codes = some_codes(quantized.codes);
    std::string data, expected(64 * sizeof(float), '\0');
    for (std::size_t block = 0; block < 2; ++block) {
      data += le(half_scales[block], 2);
      if (quantized.has_minimum) data += le(half_minima[block], 2);
      data += quantized.pack(std::span(codes).subspan(block * 32, 32));
      for (std::size_t i = block * 32; i < block * 32 + 32; ++i) {
        const float code = quantized.type == kQ80
                               ? static_cast<float>(static_cast<int8_t>(codes[i]))
                               : static_cast<float>(codes[i]);
        float value = scales[block] * (code - quantized.centre);
        if (quantized.has_minimum) value += minima[block];
        std::memcpy(expected.data() + i * sizeof value, &value, sizeof value);
      }
    }
    test::write_file(folder / "m", gguf_bytes({{"w", {32, 2}, quantized.type}}, data));
    const auto model = open_gguf(folder / "m");
    EXPECT_EQ(model->tensors()[0].dtype, Dtype::kF32);
    EXPECT_TRUE(model->view(0).empty());
    EXPECT_EQ(read_tensor(*model, 0), expected) << quantized.type;
    model->release(0, 0, expected.size());
    for (std::size_t first = 0; first < expected.size(); first += 3) {
      std::string out(std::min<std::size_t>(expected.size() - first, 139), '\0');
      model->read(0, first, std::as_writable_bytes(std::span(out)));
      EXPECT_EQ(out, expected.substr(first, out.size()));
    }
    std::vector<float> floats(40);
    model->read_floats(0, 10, floats);
    const std::span<const std::byte> bytes = std::as_bytes(std::span(floats));
    EXPECT_EQ(std::memcmp(bytes.data(), expected.data() + 40, bytes.size()), 0);
    std::vector<std::byte> out(4);
    EXPECT_THAT(error_of([&] { model->read(0, 253, out); }), HasSubstr("w: range lies outside"));
  }
}

TEST(Gguf, KeysOfEveryTypeAreSkipped) {
  const Folder folder;
  Keys keys;
  const auto add = [&](std::uint32_t type, const std::string& value) {
    ++keys.count;
    keys.bytes += key("k" + std::to_string(keys.count), type, value);
  };
  const std::array<std::size_t, 13> sizes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  for (std::uint32_t type = 0; type < sizes.size(); ++type) {
    if (sizes[type] == 0) continue;
    add(type, std::string(sizes[type], 'x'));
    add(9, le(type, 4) + le(3, 8) + std::string(3 * sizes[type], 'x'));
  }
  add(8, text("value"));
  add(9, le(8, 4) + le(2, 8) + text("a") + text(""));
  add(9, le(9, 4) + le(1, 8) + le(8, 4) + le(1, 8) + text("a"));
  add(9, le(4, 4) + le(0, 8));
  ++keys.count;
  keys.bytes += key("general.alignment", 4, le(128, 4));
  keys.alignment = 128;
  test::write_file(folder / "m",
                   gguf_bytes({{"a", {2}, kF32, 0}, {"b", {1}, kF32, 128}}, ramp(132), keys));
  const auto model = open_gguf(folder / "m");
  EXPECT_EQ(read_tensor(*model, 0), ramp(132).substr(0, 8));
  EXPECT_EQ(read_tensor(*model, 1), ramp(132).substr(128));
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* message;
};

std::vector<Hostile> hostile_files() {
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  const auto one = [](const Part& part, std::size_t size = 64) {
    return gguf_bytes({part}, ramp(size));
  };
  const auto with = [](std::uint32_t type, const std::string& value, const char* name = "k") {
    return gguf_bytes({{"w", {2}}}, ramp(8), {1, key(name, type, value), 32});
  };
  const auto counts = [](std::uint64_t tensors, std::uint64_t keys) {
    return "GGUF" + le(3, 4) + le(tensors, 8) + le(keys, 8) + ramp(64);
  };
  std::string deep;
  for (int i = 0; i < 9; ++i) deep += le(9, 4) + le(1, 8);
  return {
      {"Empty", "", "does not begin like a GGUF file"},
      {"Magic", "GGUF", "its header is cut off"},
      {"Version1", gguf_bytes({}, "", {}, 1), "is of version 1 of GGUF: known are 2 and 3"},
      {"Version4", gguf_bytes({}, "", {}, 4), "is of version 4"},
      {"BigEndian", gguf_bytes({}, "", {}, 3U << 24), "is big-endian"},
      {"ManyTensors", counts(kMost, 0), "claims 18446744073709551615 tensors"},
      {"ManyKeys", counts(0, kMost), "claims 18446744073709551615 keys"},
      {"KeyType", with(13, ""), "has a value of unknown type 13"},
      {"ItemType", with(9, le(13, 4) + le(1, 8)), "has a value of unknown type 13"},
      {"ArrayLong", with(9, le(0, 4) + le(kMost, 8)), "its header is cut off"},
      {"ArrayOfTextLong", with(9, le(8, 4) + le(1 << 20, 8)), "its header is cut off"},
      {"TextLong", with(8, le(kMost, 8)), "its header is cut off"},
      {"Deep", with(9, deep), "nested too deep"},
      {"Alignment0", with(4, le(0, 4), "general.alignment"), "its alignment 0 is no multiple"},
      {"Alignment12", with(4, le(12, 4), "general.alignment"), "its alignment 12 is no multiple"},
      {"AlignmentHuge", with(4, le(1U << 31, 4), "general.alignment"), "is no multiple of 8 up"},
      {"AlignmentU64", with(10, le(32, 8), "general.alignment"), "of another type than u32"},
      {"FiveDimensions", one({"w", {1, 1, 1, 1, 1}}), "w: has 5 dimensions"},
      {"ManyDimensions", one({"w", std::vector<std::uint64_t>(100, 1)}), "w: has 100 dimensions"},
      {"ShapeHuge", one({"w", {kMost, kMost}}), "is too large"},
      {"ShapeWrapsBesideZero", one({"w", {1ULL << 32, 1ULL << 32, 0}}), "is too large"},
      {"OneElementMore", one({"w", {17}}), "w: its data end after the end of the file"},
      {"OffsetTooFar", one({"w", {16}, kF32, 32}), "w: its data end after the end of the file"},
      {"OffsetHuge", one({"w", {1}, kF32, kMost - 31}), "w: its data end after the end"},
      {"OffsetOdd", one({"w", {1}, kF32, 4}), "w: its offset 4 is no multiple of 32"},
      {"HalfBlock", one({"w", {48}, kQ40}), "w: has rows of 48 elements, which blocks of 32"},
      {"RowsOfHalfBlocks", one({"w", {16, 2}, kQ80}), "w: has rows of 16 elements"},
      {"BlockShort", one({"w", {32}, kQ80}, 33), "w: its data end after the end of the file"},
      {"Q4_K", one({"blk.0.w", {256}, 12}), "blk.0.w: is of type Q4_K, which is not read: convert"},
      {"RemovedType", one({"w", {256}, 4}), "w: is of type 4, which is not read"},
      {"UnknownType", one({"w", {256}, 4000}), "w: is of type 4000, which is not read"},
      {"SameNameTwice", gguf_bytes({{"w", {1}}, {"w", {1}, kF32, 32}}, ramp(64)),
       "w: is in the file twice"},
      {"Overlap", gguf_bytes({{"v", {9}}, {"w", {1}, kF32, 32}}, ramp(64)),
       "w: overlaps another tensor"},
      {"SamePlaceTwice", gguf_bytes({{"v", {1}}, {"w", {1}}}, ramp(64)), "overlaps another tensor"},
  };
}

TEST(Gguf, HostileFilesAreRefusedWithTheReason) {
  const Folder folder;
  for (const Hostile& hostile : hostile_files()) {
    SCOPED_TRACE(hostile.name);
    const std::string message = test::read_error(open_gguf, folder / "m.gguf", hostile.bytes);
    EXPECT_THAT(message, HasSubstr(hostile.message));
    EXPECT_THAT(message, testing::StartsWith((folder / "m.gguf").string() + ": "));
  }
}

TEST(Gguf, EveryTruncationIsRefused) {
  const Folder folder;
  const std::string whole =
      gguf_bytes({{"a", {2}}, {"b", {32}, kQ80, 32}}, ramp(32 + 34), {1, key("k", 8, text("v"))});
  EXPECT_EQ(test::read_error(open_gguf, folder / "m", whole), "(no error)");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(test::read_error(open_gguf, folder / "m", whole.substr(0, size)), "(no error)")
        << size;
  }
}

TEST(Gguf, FileWithoutTensorsIsAModel) {
  const Folder folder;
  test::write_file(folder / "m", gguf_bytes({}, ""));
  EXPECT_TRUE(open_gguf(folder / "m")->tensors().empty());
}

}  // namespace
}  // namespace wquant
