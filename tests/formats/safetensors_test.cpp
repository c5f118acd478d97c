#include "formats/safetensors.h"

#include <gmock/gmock.h>

#include <atomic>
#include <map>

#include "formats/safetensors_header.h"
#include "formats/safetensors_support.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using test::MemoryModel;
using test::read_tensor;
using test::safetensors_bytes;
using testing::HasSubstr;

constexpr int kDtypes = static_cast<int>(Dtype::kC64) + 1;

void write(const ModelReader& model, const std::filesystem::path& path) {
  write_safetensors(model, path, Overwrite::kRefuse, {});
}

TEST(Safetensors, EveryDtypeAndShapeComesBack) {
  const Folder folder;
  MemoryModel model;
  for (int i = 0; i < kDtypes; ++i) {
    const auto dtype = static_cast<Dtype>(i);
    const std::string name(name_of(dtype));
    model.add(name, {3, 5}, dtype);
    model.add(name + ".scalar", {}, dtype);
    model.add(name + ".empty", {4, 0}, dtype);
  }
  write(model, folder / "m.safetensors");
  const auto back = open_safetensors(folder / "m.safetensors");
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < back->tensors().size(); ++i) index[back->tensors()[i].name] = i;
  ASSERT_EQ(index.size(), model.tensors().size());
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const TensorInfo& info = model.tensors()[i];
    const std::size_t at = index.at(info.name);
    EXPECT_EQ(back->tensors()[at].shape, info.shape);
    EXPECT_EQ(back->tensors()[at].dtype, info.dtype);
    EXPECT_EQ(read_tensor(*back, at), model.data(i)) << info.name;
    EXPECT_EQ(back->view(at).size(), info.bytes());
  }
}

TEST(Safetensors, BytesDoNotDependOnTheOrderOfTheTensors) {
  const Folder folder;
  MemoryModel one, other;
  one.add("b", {3}, Dtype::kF32);
  one.add("a", {2}, Dtype::kF32);
  one.add("c", {5}, Dtype::kF64);
  other.add("c", {5}, Dtype::kF64);
  other.add("b", {3}, Dtype::kF32);
  other.add("a", {2}, Dtype::kF32);
  write(one, folder / "1");
  write(other, folder / "2");
  EXPECT_EQ(test::read_file(folder / "1"), test::read_file(folder / "2"));
}

TEST(Safetensors, DataAreAlignedAndLargestElementsComeFirst) {
  const Folder folder;
  MemoryModel model;
  model.add("a", {3}, Dtype::kU8);
  model.add("b", {3}, Dtype::kF16);
  model.add("c", {3}, Dtype::kF32);
  model.add("d", {3}, Dtype::kF64);
  write(model, folder / "m");
  const std::string bytes = test::read_file(folder / "m");
  const auto header = parse_safetensors_header(std::as_bytes(std::span(bytes)));
  EXPECT_EQ(header.data_begin % 8, 0U);
  std::string order;
  for (const SafetensorsEntry& entry : header.entries) {
    order += entry.info.name;
    EXPECT_EQ(entry.begin % size_of(entry.info.dtype), 0U);
  }
  EXPECT_EQ(order, "dcba");
}

TEST(Safetensors, ModelWithoutTensorsComesBack) {
  const Folder folder;
  write(MemoryModel(), folder / "m");
  EXPECT_TRUE(open_safetensors(folder / "m")->tensors().empty());
}

TEST(Safetensors, OddNamesComeBack) {
  const Folder folder;
  MemoryModel model;
  const std::vector<std::string> names = {"", "a\"b", "a\\b", "a\nb", "a/b", "\xc3\xa4", "{}"};
  for (const std::string& name : names) model.add(name, {1}, Dtype::kF32);
  write(model, folder / "m");
  const auto model_back = open_safetensors(folder / "m");
  std::vector<std::string> back;
  for (const TensorInfo& info : model_back->tensors()) back.push_back(info.name);
  EXPECT_THAT(back, testing::UnorderedElementsAreArray(names));
}

TEST(Safetensors, NamesThatTheFormatCannotHoldAreRefused) {
  const Folder folder;
  MemoryModel metadata, binary;
  metadata.add("__metadata__", {1}, Dtype::kF32);
  EXPECT_THAT(error_of([&] { write(metadata, folder / "m"); }), HasSubstr("__metadata__: "));
  binary.add("a\xff", {1}, Dtype::kF32);
  EXPECT_THAT(error_of([&] { write(binary, folder / "m"); }), HasSubstr("a\\xff\" is not UTF-8"));
  EXPECT_EQ(folder.files(), 0U);
}

TEST(Safetensors, StopLeavesNothingBehind) {
  const Folder folder;
  MemoryModel model;
  model.add("a", {100}, Dtype::kF32);
  const std::atomic<bool> stop = true;
  RunOptions options;
  options.stop = &stop;
  try {
    write_safetensors(model, folder / "m", Overwrite::kRefuse, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
  }
  EXPECT_EQ(folder.files(), 0U);
}

TEST(Safetensors, ProgressRisesToTheSizeOfTheData) {
  const Folder folder;
  MemoryModel model;
  model.add("a", {3, 1 << 20}, Dtype::kF32);
  model.add("b", {7}, Dtype::kU8);
  std::vector<std::uint64_t> done;
  RunOptions options;
  options.progress = [&](std::uint64_t now, std::uint64_t total) {
    EXPECT_EQ(total, (12U << 20) + 7);
    done.push_back(now);
  };
  write_safetensors(model, folder / "m", Overwrite::kRefuse, options);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_GT(done.size(), 2U);
  EXPECT_EQ(done.back(), (12U << 20) + 7);
}

TEST(Safetensors, ExistingFileIsReplacedOnlyWhenAllowed) {
  const Folder folder;
  test::write_file(folder / "m", "mine");
  EXPECT_THAT(error_of([&] { write(MemoryModel(), folder / "m"); }), HasSubstr("exists"));
  EXPECT_EQ(test::read_file(folder / "m"), "mine");
  write_safetensors(MemoryModel(), folder / "m", Overwrite::kReplace, {});
  EXPECT_NE(test::read_file(folder / "m"), "mine");
}

TEST(Safetensors, ReadingOutsideATensorIsAnError) {
  const Folder folder;
  MemoryModel model;
  model.add("a", {2}, Dtype::kF32);
  write(model, folder / "m");
  const auto back = open_safetensors(folder / "m");
  std::vector<std::byte> out(8);
  EXPECT_THAT(error_of([&] { back->read(0, 1, out); }), HasSubstr("outside"));
  EXPECT_THAT(error_of([&] { back->read(0, ~std::uint64_t{0}, out); }), HasSubstr("outside"));
  back->read(0, 8, {});
}

TEST(Safetensors, ClaimsWhatBeginsLikeOne) {
  const std::filesystem::path path = "x";
  const auto claims = [&](std::string_view head) {
    return safetensors_claims({path, false, head});
  };
  EXPECT_TRUE(claims(safetensors_bytes("{}")));
  EXPECT_FALSE(claims(safetensors_bytes("[]")));
  EXPECT_FALSE(claims(safetensors_bytes("{")));
  EXPECT_FALSE(claims(std::string("\x02\0\0\0\0\0\0\0", 8)));
  EXPECT_FALSE(claims(std::string("\0\0\0\0\0\0\0\1{}", 10)));
  EXPECT_FALSE(claims("{\"a\": 1, \"b\": 2}"));
  EXPECT_FALSE(claims(""));
  EXPECT_FALSE(safetensors_claims({path, true, {}}));
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* message;
};

std::string with_length(std::uint64_t length, std::string_view rest) {
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes.append(rest);
}

/// A file of 8 data bytes whose only tensor is `a`, described by `entry`.
std::string one(std::string_view entry) {
  return safetensors_bytes("{\"a\":" + std::string(entry) + "}", std::string(8, 'x'));
}

/// Two U8 tensors with these ranges over 8 bytes of data.
std::string two(std::string_view a, std::string_view b, int a_size, int b_size) {
  const auto entry = [](std::string_view range, int size) {
    return "{\"dtype\":\"U8\",\"shape\":[" + std::to_string(size) +
           "],\"data_offsets\":" + std::string(range) + "}";
  };
  return safetensors_bytes("{\"a\":" + entry(a, a_size) + ",\"b\":" + entry(b, b_size) + "}",
                           std::string(8, 'x'));
}

const char* const kGood = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";

std::vector<Hostile> hostile_files() {
  const std::string whole = one(kGood);
  const std::string json = whole.substr(8, whole.size() - 16), data(8, 'x');
  const std::string nested = std::string(100'000, '[') + std::string(100'000, ']');
  std::string ones = "1";
  for (int i = 0; i < 64; ++i) ones += ",1";
  const auto shape = [](std::string_view extents) {
    return one(R"({"dtype":"F32","shape":[)" + std::string(extents) + R"(],"data_offsets":[0,8]})");
  };
  const auto offsets = [](std::string_view range) {
    return one(R"({"dtype":"F32","shape":[2],"data_offsets":)" + std::string(range) + "}");
  };
  const auto metadata = [](std::string_view value) {
    return safetensors_bytes("{\"__metadata__\":" + std::string(value) + "}");
  };
  return {
      {"Empty", "", "0 bytes are too few"},
      {"SevenBytes", std::string(7, '\1'), "7 bytes are too few"},
      {"LengthOnly", with_length(2, ""), "header length 2 exceeds the file"},
      {"LengthZero", with_length(0, "{}"), "does not begin with {"},
      {"LengthShort", with_length(json.size() - 1, json + data), "not valid UTF-8 JSON"},
      {"LengthLong", with_length(json.size() + 1, json + data), "not valid UTF-8 JSON"},
      {"LengthBeyondTheFile", with_length(whole.size() - 7, json + data), "exceeds the file"},
      {"LengthAboveTheLimit", with_length(100'000'001, json + data), "exceeds the limit"},
      {"LengthHuge", with_length(~std::uint64_t{0}, json + data), "exceeds the limit"},
      {"LengthTopBit", with_length(std::uint64_t{1} << 63, json + data), "exceeds the limit"},
      {"CutInTheHeader", whole.substr(0, 30), "is cut off"},
      {"CutBeforeTheData", whole.substr(0, whole.size() - 8), "end 8 bytes after"},
      {"CutInTheData", whole.substr(0, whole.size() - 1), "a: its data end 1 bytes after"},
      {"OneByteMore", whole + "x", "1 bytes follow the last tensor"},
      {"DataWithoutTensors", safetensors_bytes("{}", "x"), "1 bytes follow"},
      {"Array", safetensors_bytes("[]"), "does not begin with {"},
      {"ByteOrderMark", safetensors_bytes("\xef\xbb\xbf{}"), "does not begin with {"},
      {"LeadingSpace", safetensors_bytes(" {}"), "does not begin with {"},
      {"TextAfterTheObject", safetensors_bytes("{} {}"), "not valid UTF-8 JSON"},
      {"ZeroByteAfterTheObject", safetensors_bytes(std::string("{}\0x", 4)), "zero byte at 2"},
      {"Comment", safetensors_bytes("{/**/}"), "not valid UTF-8 JSON"},
      {"NotUtf8", safetensors_bytes("{\"\xff\":1}"), "not valid UTF-8 JSON"},
      {"LoneSurrogate", safetensors_bytes("{\"\\ud800\":1}"), "not valid UTF-8 JSON"},
      {"NumberOutOfRange", safetensors_bytes("{\"a\":1e999}"), "out of range"},
      {"DeepArrays", safetensors_bytes("{\"a\":" + nested + "}"), "more than 8 levels deep"},
      {"LongArray", shape(ones), "array of more than 64 values"},
      {"SameNameTwice",
       safetensors_bytes("{\"a\":" + std::string(kGood) + ",\"a\":" + kGood + "}", data),
       "holds the key \"a\" twice"},
      {"SameKeyTwice", one(R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})"),
       "holds the key \"dtype\" twice"},
      {"MetadataTwice", safetensors_bytes(R"({"__metadata__":{},"__metadata__":{}})"), "twice"},
      {"EntryIsNumber", one("1"), "a: its entry is not an object"},
      {"EntryIsNull", one("null"), "a: its entry is not an object"},
      {"NoDtype", one(R"({"shape":[2],"data_offsets":[0,8]})"), "a: dtype is missing"},
      {"NoShape", one(R"({"dtype":"F32","data_offsets":[0,8]})"), "a: shape is missing"},
      {"NoOffsets", one(R"({"dtype":"F32","shape":[2]})"), "a: data_offsets is missing"},
      {"DtypeIsNumber", one(R"({"dtype":32,"shape":[2],"data_offsets":[0,8]})"),
       "a: dtype is not a string"},
      {"DtypeUnknown", one(R"({"dtype":"F31","shape":[2],"data_offsets":[0,8]})"),
       "a: dtype \"F31\" is not known"},
      {"DtypeInLowerCase", one(R"({"dtype":"f32","shape":[2],"data_offsets":[0,8]})"),
       "a: dtype \"f32\" is not known"},
      {"ShapeIsNumber", one(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})"),
       "a: shape is not an array"},
      {"ShapeNegative", shape("-2"), "a: shape holds something else"},
      {"ShapeFraction", shape("2.0"), "a: shape holds something else"},
      {"ShapeText", shape("\"2\""), "a: shape holds something else"},
      {"ShapeAbove64Bits", shape("18446744073709551616"), "a: shape holds something else"},
      {"ShapeTooLarge", shape("18446744073709551615"), "a: shape [18446744073709551615] is too"},
      {"ShapeProductIs2To63", shape("2147483648,1073741824"), "is too large"},
      {"ShapeProductWrapsTo2", shape("9223372036854775809,2"), "is too large"},
      {"ShapeProductWrapsBesideZero", shape("4294967296,4294967296,0"), "is too large"},
      {"ShapeTooSmall", shape("1"), "a: data_offsets span 8 bytes where shape [1] of F32 takes 4"},
      {"ShapeTooBig", shape("3"), "takes 12"},
      {"OffsetsAreOne", offsets("[8]"), "a: data_offsets is not a pair"},
      {"OffsetsAreThree", offsets("[0,8,8]"), "a: data_offsets is not a pair"},
      {"OffsetsAreObject", offsets("{}"), "a: data_offsets is not an array"},
      {"OffsetsNegative", offsets("[-8,0]"), "a: data_offsets holds something else"},
      {"OffsetsBackwards", offsets("[8,0]"), "a: data_offsets end before they begin"},
      {"OffsetsWrapAround", offsets("[18446744073709551612,4]"), "end before they begin"},
      {"OffsetsAtTheTop", offsets("[18446744073709551607,18446744073709551615]"),
       "a: its data begin at byte 18446744073709551607"},
      {"HoleAtTheStart", offsets("[1,9]"),
       "a: its data begin at byte 1 where byte 0 is due: a hole"},
      {"HoleInTheMiddle", two("[0,3]", "[4,8]", 3, 4), "b: its data begin at byte 4"},
      {"Overlap", two("[0,5]", "[4,8]", 5, 4),
       "b: its data begin at byte 4 where byte 5 is due: tensors overlap"},
      {"SameRangeTwice", two("[0,8]", "[0,8]", 8, 8),
       "its data begin at byte 0 where byte 8 is due: tensors overlap"},
      {"BehindTheEnd", two("[0,4]", "[4,12]", 4, 8), "b: its data end 4 bytes after"},
      {"MetadataIsText", metadata("\"x\""), "__metadata__: is not an object"},
      {"MetadataHoldsNumber", metadata("{\"x\":1}"), "__metadata__: \"x\" is not a string"},
      {"MetadataHoldsObject", metadata("{\"x\":{}}"), "__metadata__: \"x\" is not a string"},
  };
}

TEST(Safetensors, HostileFilesAreRefusedWithTheReason) {
  const Folder folder;
  for (const Hostile& hostile : hostile_files()) {
    SCOPED_TRACE(hostile.name);
    test::write_file(folder / "hostile", hostile.bytes);
    const std::string message = error_of([&] { (void)open_safetensors(folder / "hostile"); });
    EXPECT_THAT(message, HasSubstr(hostile.message));
    EXPECT_THAT(message, HasSubstr((folder / "hostile").string() + ": "));
  }
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const Folder folder;
  const std::string whole = two("[0,3]", "[3,8]", 3, 5);
  test::write_file(folder / "m", whole);
  (void)open_safetensors(folder / "m");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    test::write_file(folder / "m", whole.substr(0, size));
    EXPECT_NE(error_of([&] { (void)open_safetensors(folder / "m"); }), "(no error)") << size;
  }
}

TEST(Safetensors, RangesMayComeInAnyOrder) {
  const Folder folder;
  test::write_file(folder / "m", two("[5,8]", "[0,5]", 3, 5));
  const auto model = open_safetensors(folder / "m");
  EXPECT_EQ(model->tensors()[0].name, "b");
  EXPECT_EQ(model->tensors()[1].name, "a");
}

}  // namespace
}  // namespace wquant
