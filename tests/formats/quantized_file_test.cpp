#include "formats/quantized_file.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/float_convert.h"
#include "formats/quantized_file_support.h"
#include "formats/safetensors.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using test::sample;
using test::Sample;
using testing::HasSubstr;

/// What the file stands for, made without the code under test.
std::string expected_bytes(const Sample& sample, std::size_t i) {
  const PlannedTensor& tensor = sample.plan.tensors[i];
  if (!tensor.quantized) return sample.parts[i][Part::kData];
  std::vector<float> floats;
  for (const unsigned code : sample.codes[i]) {
    const float level = sample.levels[i][code];
    floats.push_back(tensor.cells.has_scales() ? level * Sample::scale(tensor.cells, floats.size())
                                               : level);
  }
  std::string bytes(tensor.info.bytes(), '\0');
  from_floats(tensor.info.dtype, floats, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

TEST(QuantizedFile, ReadsAsTheOriginalModel) {
  const Folder folder;
  Sample made = sample();
  made.write(folder / "q");
  const QuantizedModel model(folder / "q");
  model.verify();
  ASSERT_EQ(model.tensors().size(), made.plan.tensors.size());
  for (std::size_t i = 0; i < made.plan.tensors.size(); ++i) {
    const TensorInfo& info = made.plan.tensors[i].info;
    EXPECT_EQ(model.tensors()[i].name, info.name);
    EXPECT_EQ(model.tensors()[i].shape, info.shape);
    EXPECT_EQ(model.tensors()[i].dtype, info.dtype);
    EXPECT_EQ(test::read_tensor(model, i), expected_bytes(made, i)) << info.name;
  }
}

TEST(QuantizedFile, EveryByteRangeReadsTheSame) {
  const Folder folder;
  Sample made = sample();
  made.write(folder / "q");
  const QuantizedModel model(folder / "q");
  for (std::size_t i = 0; i < made.plan.tensors.size(); ++i) {
    const std::string whole = expected_bytes(made, i);
    for (std::size_t first = 0; first <= whole.size(); ++first) {
      for (std::size_t size = 0; first + size <= whole.size(); ++size) {
        std::string out(size, '\0');
        model.read(i, first, std::as_writable_bytes(std::span(out)));
        ASSERT_EQ(out, whole.substr(first, size)) << i << " " << first << " " << size;
      }
    }
    std::vector<std::byte> more(whole.size() + 1);
    EXPECT_THAT(error_of([&] { model.read(i, 0, more); }), HasSubstr("outside"));
    EXPECT_THAT(error_of([&] { model.read(i, whole.size() + 1, {}); }), HasSubstr("outside"));
    model.release(i, 0, whole.size());
  }
}

TEST(QuantizedFile, RangesLongerThanASlabDecodeRight) {
  const Folder folder;
  Sample made;
  made.add_quantized("h", {70'001, 1}, Dtype::kF16, 3);
  made.write(folder / "q");
  const QuantizedModel model(folder / "q");
  const std::string whole = expected_bytes(made, 0);
  for (const std::size_t first : {0U, 1U, 2U, 99U}) {
    std::string out(whole.size() - first, '\0');
    model.read(0, first, std::as_writable_bytes(std::span(out)));
    EXPECT_EQ(out, whole.substr(first));
  }
}

TEST(QuantizedFile, OnlyKeptTensorsHaveViews) {
  const Folder folder;
  Sample made = sample();
  made.write(folder / "q");
  const QuantizedModel model(folder / "q");
  EXPECT_TRUE(model.view(0).empty());
  ASSERT_EQ(model.view(1).size(), 12U);
  EXPECT_EQ(std::memcmp(model.view(1).data(), made.parts[1][Part::kData].data(), 12), 0);
}

TEST(QuantizedFile, LayoutIsKnownBeforehand) {
  const Folder folder;
  Sample made = sample();
  const QuantizedLayout layout = make_layout(made.plan, made.settings);
  const std::string bytes = made.write(folder / "q");
  EXPECT_EQ(layout.file_bytes, bytes.size());
  EXPECT_EQ(made.report.file_bytes, bytes.size());
  EXPECT_EQ(made.report.header_bytes, layout.header_bytes);
  EXPECT_EQ(made.report.output, (folder / "q").string());
  EXPECT_EQ(layout.header_bytes % 8, 0U);
  EXPECT_EQ(bytes.substr(layout.places[0].codes, 6), made.parts[0][Part::kCodes]);
  EXPECT_EQ(bytes.substr(layout.places[0].levels, 32), made.parts[0][Part::kLevels]);
  EXPECT_EQ(bytes.substr(layout.places[1].data, 12), made.parts[1][Part::kData]);
}

TEST(QuantizedFile, PartsAreAligned) {
  const Sample made = sample();
  for (const SafetensorsEntry& entry : stored_entries(made.plan)) {
    EXPECT_EQ(entry.begin % size_of(entry.info.dtype), 0U) << entry.info.name;
  }
}

TEST(QuantizedFile, HeaderSizeDoesNotDependOnTheFigures) {
  const Folder folder;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::uint64_t size = make_layout(sample().plan, sample().settings).file_bytes;
  for (const double value : {0.0, 1.0, 1.0 / 3, -1.23456789012e-300, -5e-324,
                             std::numeric_limits<double>::lowest(), kInfinity, std::nan("")}) {
    Sample made = sample();
    for (TensorReport& tensor : made.report.tensors) {
      for (const Figure& figure : figures()) figure.at(tensor) = value;
    }
    EXPECT_EQ(made.write(folder / "q").size(), size);
    QuantizedModel(folder / "q").verify();
  }
}

TEST(QuantizedFile, ReportComesBack) {
  const Folder folder;
  Sample made = sample();
  // What comes back is what was balanced, not what was asked for.
  for (PlannedTensor& tensor : made.plan.tensors) tensor.settings.balance = Balance::kOff;
  made.plan.tensors[2].settings.balance = Balance::kKernel;
  made.plan.tensors[2].settings.axis = 3;
  made.plan.tensors[2].balance.sets = Balance::kKernel;
  made.plan.tensors[2].balance.axis = 3;
  made.plan.tensors[0].settings.mode = "linear";
  made.plan.tensors[0].settings.values = Values::kMidpoint;
  made.plan.tensors[0].settings.rescale = Rescale::kNone;
  made.plan.tensors[0].settings.range = RangeRule::kFull;
  made.plan.tensors[2].settings.ratio_rule = RatioRule::kFixed;
  made.plan.tensors[2].settings.ratio = 1.25;
  made.plan.tensors[2].settings.search = SearchRule::kExact;
  made.plan.tensors[3].settings.ratio_rule = RatioRule::kRange;
  made.report.tensors[3].snr_db = std::numeric_limits<double>::infinity();
  made.write(folder / "q");
  const QuantizedModel model(folder / "q");
  const Report& report = model.report();
  EXPECT_EQ(report.file_bytes, made.report.file_bytes);
  EXPECT_EQ(report.header_bytes, made.report.header_bytes);
  for (std::size_t i = 0; i < report.tensors.size(); ++i) {
    const TensorReport &got = report.tensors[i], &want = made.report.tensors[i];
    EXPECT_EQ(got.info.name, want.info.name);
    EXPECT_EQ(got.quantized, want.quantized);
    EXPECT_EQ(got.kept_reason, want.kept_reason);
    EXPECT_EQ(got.bytes, want.bytes);
    EXPECT_EQ(got.codebook.levels, want.codebook.levels);
    if (!got.quantized) continue;
    EXPECT_EQ(got.settings, made.plan.tensors[i].settings);
    EXPECT_EQ(got.codebook.bits, want.codebook.bits);
    EXPECT_EQ(got.codebook.x0, want.codebook.x0);
    EXPECT_EQ(got.codebook.ratio, want.codebook.ratio);
    EXPECT_EQ(got.codebook.scale, want.codebook.scale);
    EXPECT_EQ(got.codebook.rho, want.codebook.rho);
    EXPECT_EQ(got.codebook.gap, want.codebook.gap);
    EXPECT_EQ(got.codebook.relative_error_unscaled, want.codebook.relative_error_unscaled);
    EXPECT_EQ(got.relative_error, want.relative_error);
    EXPECT_EQ(got.snr_db, want.snr_db);
    EXPECT_EQ(got.max_error, want.max_error);
    EXPECT_EQ(got.entropy, want.entropy);
  }
}

TEST(QuantizedFile, SettingsAreJson) {
  const Folder folder;
  Sample made = sample();
  made.settings.rules = {{"^a", "bits=5"}};
  made.settings.tensor.ratio_rule = RatioRule::kFixed;
  made.settings.tensor.ratio = 2;
  made.write(folder / "q");
  const auto json = nlohmann::json::parse(QuantizedModel(folder / "q").settings_json());
  EXPECT_EQ(json["bits"], 4);
  EXPECT_EQ(json["ratio"], 2.0);
  EXPECT_EQ(json["rules"][0]["items"], "bits=5");
  EXPECT_EQ(json["include"], "\"\\w+");
  EXPECT_FALSE(json.contains("exclude"));
}

TEST(QuantizedFile, AnySafetensorsReaderOpensIt) {
  const Folder folder;
  Sample made = sample();
  made.write(folder / "q");
  const auto plain = open_safetensors(folder / "q");
  EXPECT_EQ(plain->tensors().size(), 2U * 6 + 3U * 3 + 2);
  EXPECT_EQ(plain->tensors()[0].name, "steps");  // The only elements of 8 bytes.
  EXPECT_TRUE(is_quantized_safetensors(folder / "q"));
  write_safetensors(QuantizedModel(folder / "q"), folder / "f", Overwrite::kRefuse, {});
  EXPECT_FALSE(is_quantized_safetensors(folder / "f"));
  EXPECT_EQ(open_safetensors(folder / "f")->tensors().size(), made.plan.tensors.size());
}

TEST(QuantizedFile, IsToldFromAnythingElse) {
  const Folder folder;
  EXPECT_FALSE(is_quantized_safetensors(folder / "missing"));
  EXPECT_FALSE(is_quantized_safetensors(folder / ""));
  EXPECT_FALSE(is_quantized_safetensors("/dev/zero"));
  for (const std::string& bytes :
       {std::string(), std::string("PK\3\4"), std::string(100, '\xff'),
        test::safetensors_bytes("{}"), test::safetensors_bytes("{"),
        test::safetensors_bytes(R"({"__metadata__":{"format":"pt"}})")}) {
    test::write_file(folder / "f", bytes);
    EXPECT_FALSE(is_quantized_safetensors(folder / "f"));
  }
}

/// A range of a part.
struct Piece {
  std::size_t tensor;
  Part part;
  std::size_t offset, size;
};

std::vector<Piece> pieces_of(const Sample& sample, std::size_t size) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < sample.parts.size(); ++i) {
    for (const Part part : kParts) {
      const std::size_t whole = sample.parts[i][part].size();
      for (std::size_t at = 0; at < whole; at += size) {
        pieces.push_back({i, part, at, std::min(size, whole - at)});
      }
    }
  }
  return pieces;
}

void write_piece(const Sample& sample, const Piece& piece, QuantizedWriter& writer) {
  const auto bytes = std::as_bytes(std::span(sample.parts[piece.tensor][piece.part]));
  writer.write(piece.tensor, piece.part, piece.offset, bytes.subspan(piece.offset, piece.size));
}

TEST(QuantizedWriter, OrderOfTheRangesDoesNotMatter) {
  const Folder folder;
  Sample made = sample();
  const std::string whole = made.write(folder / "whole");
  std::minstd_rand random(1);
  for (const std::size_t size : {1U, 2U, 3U, 5U, 64U}) {
    std::vector<Piece> pieces = pieces_of(made, size);
    std::shuffle(pieces.begin(), pieces.end(), random);
    QuantizedWriter writer(folder / "q", made.plan, made.settings, Overwrite::kReplace);
    for (const Piece& piece : pieces) write_piece(made, piece, writer);
    writer.finish(made.report);
    EXPECT_EQ(test::read_file(folder / "q"), whole);
  }
}

TEST(QuantizedWriter, ThreadsMayWriteAtOnce) {
  const Folder folder;
  Sample made = sample();
  made.add_quantized("large", {1000, 100}, Dtype::kF32, 3);
  const std::string whole = made.write(folder / "whole");
  const std::vector<Piece> pieces = pieces_of(made, 111);
  QuantizedWriter writer(folder / "q", made.plan, made.settings, Overwrite::kReplace);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < pieces.size(); i += 4) write_piece(made, pieces[i], writer);
    });
  }
  for (std::thread& thread : threads) thread.join();
  writer.finish(made.report);
  EXPECT_EQ(test::read_file(folder / "q"), whole);
}

TEST(QuantizedWriter, MissingBytesAreAnErrorAndLeaveNothing) {
  const Folder folder;
  Sample made = sample();
  for (const Piece& missing : pieces_of(made, 4)) {
    QuantizedWriter writer(folder / "q", made.plan, made.settings, Overwrite::kRefuse);
    for (const Piece& piece : pieces_of(made, 4)) {
      const bool same = piece.tensor == missing.tensor && piece.part == missing.part &&
                        piece.offset == missing.offset;
      if (!same) write_piece(made, piece, writer);
    }
    EXPECT_THAT(error_of([&] { writer.finish(made.report); }), HasSubstr("not all bytes of its"));
  }
  EXPECT_EQ(folder.files(), 0U);
}

TEST(QuantizedWriter, ReportOfAnotherPlanIsAnError) {
  const Folder folder;
  const Sample made = sample();
  QuantizedWriter writer(folder / "q", made.plan, made.settings, Overwrite::kRefuse);
  Report report;
  EXPECT_THAT(error_of([&] { writer.finish(report); }),
              HasSubstr("q: the report is not of this plan"));
}

TEST(QuantizedWriter, PatternsAreUtf8) {
  const Folder folder;
  Sample made = sample();
  made.settings.exclude = "\xff";
  EXPECT_THAT(error_of([&] {
                QuantizedWriter(folder / "q", made.plan, made.settings, Overwrite::kRefuse);
              }),
              HasSubstr("a pattern or mode of the settings is not UTF-8"));
}

TEST(QuantizedWriter, BytesThatComeTwiceAreAnError) {
  const Folder folder;
  Sample made = sample();
  QuantizedWriter writer(folder / "q", made.plan, made.settings, Overwrite::kRefuse);
  writer.write(0, Part::kCodes, 2, std::vector<std::byte>(2));
  for (const std::uint64_t offset : {1U, 2U, 3U}) {
    EXPECT_THAT(error_of([&] { writer.write(0, Part::kCodes, offset, std::vector<std::byte>(2)); }),
                HasSubstr("w: bytes were written twice"));
  }
  writer.write(0, Part::kCodes, 0, std::vector<std::byte>(2));
  writer.write(0, Part::kCodes, 4, std::vector<std::byte>(2));
  EXPECT_THAT(error_of([&] { writer.write(0, Part::kCodes, 0, std::vector<std::byte>(1)); }),
              HasSubstr("twice"));
}

TEST(QuantizedWriter, BytesOutsideOfAPartAreAnError) {
  const Folder folder;
  const Sample made = sample();
  QuantizedWriter writer(folder / "q", made.plan, made.settings, Overwrite::kRefuse);
  const std::vector<std::byte> one(1);
  EXPECT_THAT(error_of([&] { writer.write(0, Part::kCodes, 6, one); }), HasSubstr("outside"));
  EXPECT_THAT(error_of([&] { writer.write(0, Part::kData, 0, one); }), HasSubstr("outside"));
  EXPECT_THAT(error_of([&] { writer.write(1, Part::kCodes, 0, one); }), HasSubstr("outside"));
  EXPECT_THAT(error_of([&] { writer.write(0, Part::kCodes, ~std::uint64_t{0}, one); }),
              HasSubstr("outside"));
}

TEST(QuantizedWriter, WhatDoesNotReadBackIsNotCommitted) {
  const Folder folder;
  Sample made = sample();
  std::swap(made.parts[0][Part::kLevels][3], made.parts[0][Part::kLevels][31]);
  EXPECT_THAT(error_of([&] { made.write(folder / "q"); }), HasSubstr("levels do not ascend"));
  EXPECT_EQ(folder.files(), 0U);
}

TEST(QuantizedWriter, NameClashNamesBothTensors) {
  Sample made;
  made.add_kept("a.levels", {3}, Dtype::kF32);
  made.add_quantized("a", {2, 2}, Dtype::kF32, 2);
  const std::string message = error_of([&] { (void)make_layout(made.plan, made.settings); });
  EXPECT_THAT(message, HasSubstr("\"a.levels\" and \"a\" would both be stored as \"a.levels\""));
}

TEST(QuantizedWriter, QuantizedNamesBesideEachOtherDoNotClash) {
  const Folder folder;
  Sample made;
  made.add_quantized("a", {2, 2}, Dtype::kF32, 2);
  made.add_quantized("a.codes", {2, 2}, Dtype::kF32, 2);
  made.add_kept("a.codes.x", {2}, Dtype::kF32);
  made.write(folder / "q");
  EXPECT_EQ(QuantizedModel(folder / "q").tensors()[1].name, "a.codes");
}

TEST(QuantizedWriter, TensorNamedLikeTheMetadataIsRefused) {
  Sample made;
  made.add_kept("__metadata__", {3}, Dtype::kF32);
  EXPECT_THAT(error_of([&] { (void)make_layout(made.plan, made.settings); }),
              HasSubstr("__metadata__: a safetensors file cannot hold"));
}

TEST(QuantizedWriter, ModelWithoutTensorsIsWritten) {
  const Folder folder;
  Sample made;
  made.write(folder / "q");
  EXPECT_TRUE(QuantizedModel(folder / "q").tensors().empty());
}

}  // namespace
}  // namespace wquant
