#include <gmock/gmock.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>

#include "formats/quantized_file_support.h"

namespace wquant {
namespace {

using test::edit_header;
using test::error_of;
using test::Folder;
using test::sample;
using test::Sample;
using testing::HasSubstr;

/// The error of opening and verifying a file of these bytes.
std::string error_of_file(const Folder& folder, const std::string& bytes) {
  test::write_file(folder / "damaged", bytes);
  return error_of([&] { QuantizedModel(folder / "damaged").verify(); });
}

std::string small_file(const Folder& folder) {
  Sample made;
  made.add_quantized("w", {3, 5}, Dtype::kF16, 3);
  made.add_kept("bias", {3}, Dtype::kF32);
  return made.write(folder / "small");
}

TEST(DamagedQuantizedFile, EveryFlippedBitIsFound) {
  const Folder folder;
  const std::string bytes = small_file(folder);
  std::fstream file(folder / "small", std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::size_t at, char byte) {
    file.seekp(static_cast<std::streamoff>(at)).put(byte).flush();
  };
  const auto check = [&] { return error_of([&] { QuantizedModel(folder / "small").verify(); }); };
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    put(bit / 8, static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8)));
    ASSERT_NE(check(), "(no error)") << "bit " << bit;
    put(bit / 8, bytes[bit / 8]);
  }
  EXPECT_EQ(check(), "(no error)");
}

/// Bits of a file of 64 MiB of codes: 60 of them, or as many as WQUANT_TEST_FLIPS says.
TEST(DamagedQuantizedFile, FlippedBitsOfALargeFileAreFound) {
  const Folder folder;
  Sample made;
  made.add_quantized("w", {3, 5}, Dtype::kF32, 8);
  made.plan.tensors[0].info.shape = made.report.tensors[0].info.shape = {1 << 13, 1 << 13};
  std::string& codes = made.parts[0][Part::kCodes];
  codes.resize(std::size_t{1} << 26);
  std::mt19937_64 random(11);
  for (std::size_t at = 0; at < codes.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t eight = random();
    std::memcpy(&codes[at], &eight, sizeof eight);
  }
  made.report.tensors[0].bytes = codes.size() + made.parts[0][Part::kLevels].size();
  const auto path = folder / "large";
  {
    QuantizedWriter writer(path, made.plan, made.settings, Overwrite::kReplace);
    made.write_parts(writer);
    writer.finish(made.report);
  }
  const std::uint64_t size = std::filesystem::file_size(path);
  const auto check = [&] { return error_of([&] { QuantizedModel(path).verify(); }); };
  ASSERT_EQ(check(), "(no error)");
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  const auto flip = [&](std::uint64_t bit) {
    const auto at = static_cast<std::streamoff>(bit / 8);
    char byte = 0;
    file.seekg(at).get(byte);
    file.seekp(at).put(static_cast<char>(byte ^ (1 << bit % 8))).flush();
  };
  const char* flips = std::getenv("WQUANT_TEST_FLIPS");
  for (int left = flips != nullptr ? std::atoi(flips) : 60; left > 0; --left) {
    const std::uint64_t bit = random() % (size * 8);
    flip(bit);
    ASSERT_NE(check(), "(no error)") << "bit " << bit;
    flip(bit);
  }
  EXPECT_EQ(check(), "(no error)");
}

/// A file whose only tensor, of 3 bits, has its 7 zeros in a mask; 8 codes follow it.
std::string masked_file(const Folder& folder) {
  Sample made;
  made.add_quantized("w", {3, 5}, Dtype::kF32, 3);
  const std::vector<unsigned> codes = {0, 1, 2, 3, 4, 5, 6, 7};
  made.parts[0][Part::kCodes] = "\x55\x55" + Sample::pack(codes, 3);
  made.report.tensors[0].codebook.masked_code = 4;
  QuantizedWriter writer(folder / "masked", made.plan, made.settings, Overwrite::kReplace);
  made.write_parts(writer);
  writer.end_part(0, Part::kCodes, made.parts[0][Part::kCodes].size());
  writer.finish(made.report);
  return test::read_file(folder / "masked");
}

TEST(MaskedQuantizedFile, ReadsBackInAnyRange) {
  const Folder folder;
  masked_file(folder);
  const QuantizedModel model(folder / "masked");
  EXPECT_NO_THROW(model.verify());
  const std::vector<float>& levels = model.report().tensors[0].codebook.levels;
  EXPECT_EQ(model.report().tensors[0].codebook.masked_code, 4);
  for (std::size_t first = 0; first < 15; ++first) {
    for (std::size_t count = 1; first + count <= 15; ++count) {
      std::vector<float> out(count, -1);
      model.read_floats(0, first, out);
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = first + i;
        EXPECT_EQ(out[i], at % 2 == 0 ? levels[at / 2] : 0) << first << ' ' << i;
      }
    }
  }
}

TEST(MaskedQuantizedFile, EveryFlippedBitAndTruncationIsFound) {
  const Folder folder;
  const std::string bytes = masked_file(folder);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    ASSERT_NE(error_of_file(folder, damaged), "(no error)") << "bit " << bit;
  }
  for (std::size_t size = bytes.size(); size-- > 0;) {
    ASSERT_NE(error_of_file(folder, bytes.substr(0, size)), "(no error)") << size;
  }
}

/// That no mask leads beyond the codes, even where every checksum is right.
TEST(MaskedQuantizedFile, WrongMasksAreFound) {
  const Folder folder;
  const std::string bytes = masked_file(folder);
  const std::size_t mask = bytes.size() - 5;
  const auto error_with = [&](std::size_t at, char byte) {
    std::string damaged = bytes;
    damaged[at] = byte;
    return error_of_file(folder, damaged);
  };
  EXPECT_THAT(error_with(mask, '\xff'), HasSubstr("w: 3 bytes of codes beside a mask that names"));
  EXPECT_THAT(error_with(mask, '\0'), HasSubstr("w: 3 bytes of codes beside a mask that names"));
  EXPECT_THAT(error_with(mask + 1, '\xd5'), HasSubstr("w: unused bits of the mask"));
  // One code less, whose bits would have to be 0.
  EXPECT_THAT(error_with(mask, '\x54'), HasSubstr("w: unused bits of the codes"));
  EXPECT_THAT(
      error_of_file(folder, edit_header(bytes, R"(\"shape\":[3,5])", R"(\"shape\":[33,5])")),
      HasSubstr("w: codes of 5 bytes are too few for a mask of 165 weights"));
  EXPECT_THAT(error_of_file(folder, edit_header(bytes, R"(\"shape\":[3,5])",
                                                R"(\"shape\":[2305843009213693951])")),
              HasSubstr("w: codes of 5 bytes are too few"));
  EXPECT_THAT(error_of_file(folder, edit_header(bytes, R"(\"coding\":\"mask\",)", "")),
              HasSubstr("w: codes of 5 bytes are too few"));
  EXPECT_THAT(
      error_of_file(folder, edit_header(bytes, R"(\"coding\":\"mask\")", R"(\"coding\":\"mist\")")),
      HasSubstr("w: coding \"mist\" is not known"));
}

TEST(DamagedQuantizedFile, EveryTruncationIsFound) {
  const Folder folder;
  const std::string bytes = small_file(folder);
  for (std::size_t size = bytes.size(); size-- > 0;) {
    std::filesystem::resize_file(folder / "small", size);
    ASSERT_NE(error_of([&] { QuantizedModel(folder / "small").verify(); }), "(no error)") << size;
  }
  EXPECT_THAT(error_of_file(folder, bytes + '\0'), HasSubstr("1 bytes follow"));
}

TEST(DamagedQuantizedFile, SwappedTensorsAreFound) {
  const Folder folder;
  Sample made;
  made.add_quantized("a", {3, 5}, Dtype::kF32, 3);
  made.add_kept("b", {3}, Dtype::kF32);
  made.add_quantized("c", {3, 5}, Dtype::kF32, 3);
  made.add_kept("d", {3}, Dtype::kF32);
  made.parts[2][Part::kCodes] = Sample::pack(std::vector<unsigned>(15, 5), 3);
  made.parts[3][Part::kData] = std::string(12, 'd');
  const std::string bytes = made.write(folder / "q");
  const QuantizedLayout layout = make_layout(made.plan, made.settings);
  const auto swapped = [&](std::uint64_t one, std::uint64_t other, std::size_t size) {
    std::string damaged = bytes;
    std::swap_ranges(damaged.begin() + static_cast<std::ptrdiff_t>(one),
                     damaged.begin() + static_cast<std::ptrdiff_t>(one + size),
                     damaged.begin() + static_cast<std::ptrdiff_t>(other));
    return damaged;
  };
  const auto& places = layout.places;
  EXPECT_THAT(error_of_file(folder, swapped(places[0].codes, places[2].codes, 6)),
              HasSubstr("a: codes have checksum"));
  EXPECT_THAT(error_of_file(folder, swapped(places[1].data, places[3].data, 12)),
              HasSubstr("b: data have checksum"));
}

TEST(DamagedQuantizedFile, WrongPartsWithRightChecksumsAreFound) {
  const Folder folder;
  Sample made = sample();
  const auto error_with = [&](Part part, std::size_t at, const std::string& bytes) {
    Sample wrong = sample();
    wrong.parts[0][part].replace(at, bytes.size(), bytes);
    return error_of([&] { wrong.write(folder / "q"); });
  };
  EXPECT_THAT(error_with(Part::kCodes, 5, "\xff"), HasSubstr("w: unused bits of the codes"));
  EXPECT_THAT(error_with(Part::kLevels, 28, std::string("\0\0\x80\x7f", 4)),
              HasSubstr("w: levels are not all finite"));
  EXPECT_THAT(error_with(Part::kLevels, 28, std::string("\0\0\xc0\x7f", 4)),
              HasSubstr("w: levels are not all finite"));
  EXPECT_THAT(error_with(Part::kLevels, 28, std::string("\0\0\0\xbf", 4)),
              HasSubstr("w: levels do not ascend"));
}

TEST(DamagedQuantizedFile, VerifyHeedsStopAndShowsProgress) {
  const Folder folder;
  Sample made = sample();
  made.write(folder / "q");
  const QuantizedModel model(folder / "q");
  std::uint64_t last = 0;
  RunOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_LE(done, total);
    last = done;
  };
  model.verify(options);
  EXPECT_EQ(last, made.report.file_bytes - made.report.header_bytes);
  const std::atomic<bool> stop = true;
  options.stop = &stop;
  EXPECT_THAT(error_of([&] { model.verify(options); }), HasSubstr("interrupted"));
}

struct Edit {
  const char* name;
  const char* from;
  const char* to;
  const char* message;
};

/// Edits of sample()'s header. Inside of the metadata every quote is escaped.
const std::vector<Edit> kEdits = {
    {"NotWquant", R"("format":"wquant")", R"("format":"wquent")", "metadata format is not"},
    {"NoFormat", R"("format":"wquant",)", "", "metadata format is missing"},
    {"NoVersion", R"("wquant.version":"1",)", "", "metadata wquant.version is missing"},
    {"LaterVersion", R"("wquant.version":"1")", R"("wquant.version":"2")",
     "version \"2\" is not known: use a newer wquant"},
    {"VersionIsNumber", R"("wquant.version":"1")", R"("wquant.version":1)",
     "__metadata__: \"wquant.version\" is not a string"},
    {"NoChecksum", R"("wquant.header_checksum")", R"("wquant.header_checksun")",
     "wquant.header_checksum is missing"},
    {"SpaceBeforeTheChecksum", R"("wquant.header_checksum":")", R"("wquant.header_checksum": ")",
     "does not hold wquant.header_checksum exactly once"},
    {"NoSettings", R"("wquant.settings")", R"("wquant.setting")", "wquant.settings is missing"},
    {"SettingsAreNoJson", R"("wquant.settings":"{)", R"("wquant.settings":"{{)",
     "wquant.settings is not valid UTF-8 JSON"},
    {"NoTensors", R"("wquant.tensors")", R"("wquant.tensor")", "wquant.tensors is missing"},
    {"TensorsAreNoJson", R"("wquant.tensors":"{)", R"("wquant.tensors":"x)",
     "wquant.tensors is not valid UTF-8 JSON (at byte 1)"},
    {"TensorsAreNoObject", R"("wquant.tensors":")", R"("wquant.tensors":"[]","x":")",
     "wquant.tensors is not a JSON object"},
    {"KeptTwice", R"(},\"steps\":{)", R"(},\"bias\":{)",
     "wquant.kept holds the key \"bias\" twice"},
    {"BitsTwice", R"(\"bits\":3)", R"(\"bits\":3,\"bits\":3)",
     "wquant.tensors holds the key \"bits\" twice"},
    {"DeepTensors", R"("wquant.tensors":"{)", R"("wquant.tensors":"{\"x\":[[[[[[[[[[]]]]]]]]]],)",
     "more than 8 levels deep"},
    {"TensorIsNumber", R"("wquant.tensors":"{)", R"("wquant.tensors":"{\"a\":1,)",
     "a: its description is not an object"},
    {"NoKept", R"("wquant.kept")", R"("wquant.keep")", "wquant.kept is missing"},
    {"KeptIsNoJson", R"("wquant.kept":"{)", R"("wquant.kept":"{{)",
     "wquant.kept is not valid UTF-8 JSON"},
    {"KeptWithoutReason", R"(\"reason\")", R"(\"season\")", "bias: reason is missing"},
    {"KeptChecksumInUpperCase", R"({\"index\":1,\"checksum\":\")",
     R"({\"index\":1,\"checksum\":\"ABCDEF01\",\"x\":\")", "bias: checksum is not 8 lower-case"},
    {"KeptChecksumIsNumber", R"({\"index\":1,\"checksum\":\")",
     R"({\"index\":1,\"checksum\":1,\"x\":\")", "bias: checksum is not a string"},
    {"KeptIsMissing", R"(\"bias\")", R"(\"bios\")", "bios: \"bios\" is missing"},
    {"KeptIsOnlyAPartOfNothing", R"("wquant.kept":"{\"bias\":{\"index\":1)",
     R"("wquant.kept":"{\"bias.levels\":{\"index\":1)", "\"bias.levels\" is missing"},
    {"CodesAreMissing", R"("w.codes":)", R"("w.kodes":)", "w: \"w.codes\" is missing"},
    {"LevelsAreMissing", R"("w.levels":)", R"("w.level":)", "w: \"w.levels\" is missing"},
    {"KeptNamesAPart", R"("wquant.kept":"{\"bias\":)", R"("wquant.kept":"{\"half.codes\":)",
     "half.codes: \"half.codes\" is missing"},
    {"NoIndex", R"(\"w\":{\"index\":0,)", R"(\"w\":{)", "w: index is missing"},
    {"IndexTwice", R"(\"w\":{\"index\":0,)", R"(\"w\":{\"index\":1,)",
     "bias: index 1 belongs to \"w\" too"},
    {"IndexTooLarge", R"(\"w\":{\"index\":0,)", R"(\"w\":{\"index\":11,)",
     "index 1 where 0 is due"},
    {"IndexNegative", R"(\"w\":{\"index\":0,)", R"(\"w\":{\"index\":-1,)",
     "w: index is not a non-negative integer"},
    {"ShapeLarger", R"(\"shape\":[3,5])", R"(\"shape\":[3,6])",
     "w: codes of 6 bytes are too few for shape [3, 6] at 3 bits"},
    {"ShapeSmaller", R"(\"shape\":[3,5])", R"(\"shape\":[3,4])",
     "w: codes are U8 of [6] where U8 of [5] belong"},
    {"ShapeOverflowsBits", R"(\"shape\":[3,5])", R"(\"shape\":[2305843009213693951])",
     "w: codes of 6 bytes are too few"},
    {"ShapeOverflows", R"(\"shape\":[3,5])", R"(\"shape\":[4294967296,4294967296])",
     "w: shape [4294967296, 4294967296] is too large"},
    {"ShapeIsText", R"(\"shape\":[3,5])", R"(\"shape\":[3,\"5\"])", "w: shape holds something"},
    {"ShapeIsMissing", R"(\"shape\":[3,5],)", "", "w: shape is missing"},
    {"DtypeCannotBeQuantized", R"(\"shape\":[3,5],\"dtype\":\"F32\")",
     R"(\"shape\":[3,5],\"dtype\":\"I32\")", "w: dtype \"I32\" cannot be quantized"},
    {"DtypeUnknown", R"(\"shape\":[3,5],\"dtype\":\"F32\")", R"(\"shape\":[3,5],\"dtype\":\"F33\")",
     "w: dtype \"F33\" cannot be quantized"},
    {"BitsZero", R"(\"bits\":3)", R"(\"bits\":0)", "w: bits 0 is not in 1..8"},
    {"BitsNine", R"(\"bits\":3)", R"(\"bits\":9)", "w: bits 9 is not in 1..8"},
    {"BitsNegative", R"(\"bits\":3)", R"(\"bits\":-1)", "w: bits is not a non-negative integer"},
    {"BitsHuge", R"(\"bits\":3)", R"(\"bits\":1e30)", "w: bits is not a non-negative integer"},
    {"BitsAre2To32Plus3", R"(\"bits\":3)", R"(\"bits\":4294967299)", "is not in 1..8"},
    {"BitsText", R"(\"bits\":3)", R"(\"bits\":\"3\")", "w: bits is not a non-negative integer"},
    {"BitsFraction", R"(\"bits\":3)", R"(\"bits\":3.0)", "w: bits is not a non-negative integer"},
    {"BitsMissing", R"(\"bits\":3,)", "", "w: bits is missing"},
    {"BitsOfOtherCodes", R"(\"bits\":3)", R"(\"bits\":4)", "w: codes of 6 bytes are too few"},
    {"BitsOfOtherLevels", R"(\"bits\":8)", R"(\"bits\":7)",
     "empty: levels are F32 of [256] where F32 of [128] belong"},
    {"LevelsOfOtherShape", R"("w.levels":{"dtype":"F32","shape":[8])",
     R"("w.levels":{"dtype":"F32","shape":[2,4])", "w: levels are F32 of [2, 4]"},
    {"LevelsOfOtherDtype", R"("w.levels":{"dtype":"F32")", R"("w.levels":{"dtype":"I32")",
     "w: levels are I32 of [8] where F32 of [8] belong"},
    {"CodesOfOtherDtype", R"("w.codes":{"dtype":"U8")", R"("w.codes":{"dtype":"I8")",
     "w: codes are I8 of [6] where U8 of [6] belong"},
    {"ModeIsNumber", R"(\"bits\":3,\"mode\":\"exp\")", R"(\"bits\":3,\"mode\":1)",
     "mode is not a string"},
    {"ValuesUnknown", R"(\"values\":\"centroid\",\"rescale\":\"variance\",\"gran)",
     R"(\"values\":\"median\",\"rescale\":\"variance\",\"gran)", "values \"median\" is not known"},
    {"RescaleUnknown", R"(\"rescale\":\"variance\",\"gran)", R"(\"rescale\":\"max\",\"gran)",
     "rescale \"max\" is not known"},
    {"GranularityUnknown", R"(\"granularity\":\"tensor\")", R"(\"granularity\":\"row\")",
     "granularity \"row\" is not known: use a newer wquant"},
    {"RunMissing", R"(\"granularity\":\"group\",\"run\":4)", R"(\"granularity\":\"group\")",
     "groups: run"},
    {"RunIsZero", R"(\"granularity\":\"group\",\"run\":4)",
     R"(\"granularity\":\"group\",\"run\":0)", "9 scales for runs of 0 weights do not divide 35"},
    {"RunIsLonger", R"(\"granularity\":\"group\",\"run\":4)",
     R"(\"granularity\":\"group\",\"run\":5)", "9 scales for runs of 5 weights do not divide 35"},
    {"RunIsHuge", R"(\"granularity\":\"group\",\"run\":4)",
     R"(\"granularity\":\"group\",\"run\":9223372036854775809)", "do not divide 35"},
    {"ChannelsAreGroups", R"(\"granularity\":\"group\",\"run\":4)",
     R"(\"granularity\":\"channel\",\"run\":4)", "do not divide 35"},
    {"ScalesWithoutGranularity", R"(\"granularity\":\"group\",\"run\":4)",
     R"(\"granularity\":\"tensor\",\"run\":4)", "groups.scales: is stored, but"},
    {"ScalesMissing", R"("groups.scales")", R"("groups.scalez")", "\"groups.scales\" is missing"},
    {"ScalesOfOtherDtype", R"("groups.scales":{"dtype":"F16")", R"("groups.scales":{"dtype":"I16")",
     "scales are I16 of [9] where F16 of [9] belong"},
    {"FigureIsText", R"(\"rho\":0.9876)", R"(\"rho\":\"0.9876\")", "rho is not a number"},
    {"FigureOutOfRange", R"(\"rho\":0.9876)", R"(\"rho\":1e999)", "out of range"},
    {"ChecksumsAreText", R"(\"checksums\":{\"codes\")", R"(\"checksums\":\"x\",\"y\":{\"codes\")",
     "checksums is not an object"},
    {"ChecksumIsShort", R"(\"checksums\":{\"codes\":\")",
     R"(\"checksums\":{\"codes\":\"abc\",\"x\":\")", "codes is not 8 lower-case"},
    {"ChecksumDiffers", R"(\"checksums\":{\"codes\":\")",
     R"(\"checksums\":{\"codes\":\"00000000\",\"x\":\")", "where 00000000 is stored"},
};

TEST(DamagedQuantizedFile, HostileHeadersAreRefusedWithTheReason) {
  const Folder folder;
  Sample made = sample();
  const std::string bytes = made.write(folder / "q");
  ASSERT_EQ(error_of_file(folder, edit_header(bytes, "wquant", "wquant")), "(no error)");
  for (const Edit& edit : kEdits) {
    SCOPED_TRACE(edit.name);
    const std::string message = error_of_file(folder, edit_header(bytes, edit.from, edit.to));
    EXPECT_THAT(message, HasSubstr(edit.message));
    EXPECT_THAT(message, HasSubstr((folder / "damaged").string() + ": "));
  }
}

TEST(DamagedQuantizedFile, TensorThatIsQuantizedAndKeptIsRefused) {
  const Folder folder;
  Sample made;
  made.add_quantized("a", {2, 2}, Dtype::kF32, 2);
  made.add_kept("b", {2}, Dtype::kF32);
  std::string bytes = edit_header(made.write(folder / "q"), R"("b":{"dtype")", R"("a":{"dtype")");
  bytes = edit_header(bytes, R"("wquant.kept":"{\"b\")", R"("wquant.kept":"{\"a\")");
  EXPECT_THAT(error_of_file(folder, bytes), HasSubstr("a: is described twice"));
}

TEST(DamagedQuantizedFile, PartThatNoTensorOwnsIsRefused) {
  const Folder folder;
  Sample made;
  made.add_kept("b", {2}, Dtype::kF32);
  const std::string bytes = edit_header(made.write(folder / "q"), R"("b":{"dtype")",
                                        R"("c":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                                        R"("b":{"dtype")");
  EXPECT_THAT(error_of_file(folder, bytes), HasSubstr("c: is stored, but"));
}

TEST(DamagedQuantizedFile, UnknownFiguresAreZero) {
  const Folder folder;
  Sample made;
  made.add_quantized("a", {2, 2}, Dtype::kF32, 2);
  const std::string bytes = edit_header(made.write(folder / "q"), R"(\"rho\")", R"(\"rho2\")");
  test::write_file(folder / "q", bytes);
  EXPECT_EQ(QuantizedModel(folder / "q").report().tensors[0].codebook.rho, 0);
}

}  // namespace
}  // namespace wquant
