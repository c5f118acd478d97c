#include <gmock/gmock.h>

#include <array>
#include <fstream>

#include "formats/quantized_file_support.h"
#include "formats/shard_files.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using test::sample;
using test::Sample;
using testing::ElementsAre;
using testing::HasSubstr;

namespace fs = std::filesystem;

constexpr std::uint64_t kSize = 60;
constexpr const char* kIndex = "m/model.safetensors.index.json";

std::string open_error(const fs::path& path) {
  return error_of([&] { QuantizedModel(path).verify(); });
}

/// A folder m of several files, and what a single file holds.
class QuantizedShards : public testing::Test {
 protected:
  void SetUp() override {
    made_.tie("w2", 0);
    made_.write_shards(folder_ / "m", kSize);
    count_ = test::listed(folder_ / "m").size() - 1;
    ASSERT_GT(count_, 3U);
  }

  [[nodiscard]] fs::path file(std::size_t number) const {
    return folder_ / ("m/" + shard_file_name(number, count_));
  }

  /// What opening the folder says when its index reads otherwise.
  [[nodiscard]] std::string error_with(std::string_view from, std::string_view to) const {
    const std::string index = test::read_file(folder_ / kIndex);
    std::string edited = index;
    const std::size_t at = edited.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    edited.replace(at, from.size(), to);
    test::write_file(folder_ / kIndex, edited);
    std::string error = open_error(folder_ / "m");
    test::write_file(folder_ / kIndex, index);
    return error;
  }

  Folder folder_;
  Sample made_ = sample();
  std::size_t count_ = 0;
};

TEST_F(QuantizedShards, HoldWhatOneFileHolds) {
  made_.write(folder_ / "q");
  const QuantizedModel one(folder_ / "q");
  for (const char* name : {"m", "m/", kIndex}) {
    const QuantizedModel several(folder_ / name);
    several.verify();
    EXPECT_EQ(several.format(), "wquant-shards");
    EXPECT_EQ(several.settings_json(), one.settings_json());
    ASSERT_EQ(several.tensors().size(), one.tensors().size());
    for (std::size_t i = 0; i < one.tensors().size(); ++i) {
      EXPECT_EQ(several.tensors()[i].name, one.tensors()[i].name);
      EXPECT_EQ(several.report().tensors[i].codebook.rho, one.report().tensors[i].codebook.rho);
      EXPECT_EQ(test::read_tensor(several, i), test::read_tensor(one, i));
      several.release(i, 0, several.tensors()[i].bytes());
      EXPECT_EQ(several.same_as(i), one.same_as(i));
    }
  }
}

TEST_F(QuantizedShards, AreRecognisedWhereverAQuantizedFileIs) {
  for (const char* name : {"m", kIndex}) {
    EXPECT_TRUE(is_quantized_file(folder_ / name));
    EXPECT_EQ(open_model(folder_ / name)->format(), "wquant-shards");
  }
  EXPECT_FALSE(is_quantized_file(folder_ / ""));
}

TEST_F(QuantizedShards, SizesAreForeseen) {
  const test::MemoryModel none;
  const QuantizedSizes sizes =
      quantized_folder_format().sizes({none, made_.plan, made_.settings, folder_ / "m", kSize});
  std::uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "m")) {
    bytes += entry.file_size();
  }
  EXPECT_EQ(sizes.file_bytes, bytes);
  EXPECT_EQ(made_.report.file_bytes, bytes);
  EXPECT_EQ(QuantizedModel(folder_ / "m").report().file_bytes, bytes);
  EXPECT_EQ(QuantizedModel(folder_ / "m").report().header_bytes, sizes.header_bytes);
}

TEST_F(QuantizedShards, NoFileHoldsMoreThanItsSizeUnlessItHoldsOneTensor) {
  for (std::size_t number = 0; number < count_; ++number) {
    const QuantizedModel model(file(number));
    std::uint64_t bytes = 0, stored = 0;
    for (const TensorReport& tensor : model.report().tensors) {
      bytes += tensor.bytes;
      stored += tensor.same_as.empty() ? 1 : 0;
    }
    EXPECT_TRUE(bytes <= kSize || stored == 1) << number;
  }
}

TEST_F(QuantizedShards, TiedTensorsLieWithTheirElements) {
  const QuantizedModel first(file(0));
  EXPECT_EQ(first.tensors().front().name, "w");
  EXPECT_EQ(first.tensors().back().name, "w2");
  EXPECT_EQ(first.same_as(first.tensors().size() - 1), 0U);
}

TEST_F(QuantizedShards, EachFileIsCheckedAlone) {
  for (std::size_t number = 0; number < count_; ++number) {
    const QuantizedModel model(file(number));
    model.verify();
    EXPECT_EQ(model.shard(), std::to_string(number + 1) + "/" + std::to_string(count_));
    EXPECT_EQ(model.format(), "wquant");
  }
  EXPECT_EQ(QuantizedModel(folder_ / "m").shard(), "");
}

TEST_F(QuantizedShards, OneFileIsEnoughForWhatFits) {
  made_.write_shards(folder_ / "one", 1'000'000);
  EXPECT_THAT(test::listed(folder_ / "one"),
              ElementsAre("model-00001-of-00001.safetensors", "model.safetensors.index.json"));
  made_.write(folder_ / "q");
  EXPECT_EQ(test::read_file(folder_ / "one/model-00001-of-00001.safetensors"),
            test::read_file(folder_ / "q"));
}

TEST_F(QuantizedShards, MissingFileIsNamed) {
  fs::remove(file(1));
  EXPECT_THAT(open_error(folder_ / "m"),
              HasSubstr(file(1).string() + ": the index names this file, but it is missing"));
}

TEST_F(QuantizedShards, FilesOfAnotherRunAreFound) {
  Sample other = sample();
  other.tie("w2", 0);
  other.parts[2][Part::kCodes] = Sample::pack(std::vector<unsigned>(16, 1), 2);
  other.write_shards(folder_ / "other", kSize);
  std::size_t replaced = 0;
  for (std::size_t number = 0; number < count_; ++number) {
    const std::string mine = test::read_file(file(number));
    const std::string theirs =
        test::read_file(folder_ / ("other/" + shard_file_name(number, count_)));
    if (mine == theirs) continue;
    ++replaced;
    test::write_file(file(number), theirs);
    EXPECT_THAT(open_error(folder_ / "m"), HasSubstr("the files are not of one model"));
    EXPECT_THAT(open_error(folder_ / "m"), HasSubstr(file(number).string()));
    EXPECT_EQ(open_error(file(number)), "(no error)");
    test::write_file(file(number), mine);
  }
  EXPECT_EQ(replaced, 1U);
}

TEST_F(QuantizedShards, SwappedFilesAreFound) {
  const std::string first = test::read_file(file(0));
  test::write_file(file(0), test::read_file(file(1)));
  test::write_file(file(1), first);
  EXPECT_THAT(open_error(folder_ / "m"), HasSubstr("where the index puts it"));
}

TEST_F(QuantizedShards, EveryFlippedBitOfAFileIsFound) {
  const std::string bytes = test::read_file(file(1));
  std::fstream out(file(1), std::ios::binary | std::ios::in | std::ios::out);
  for (std::size_t byte = 0; byte < bytes.size(); ++byte) {
    const auto put = [&](char value) {
      out.seekp(static_cast<std::streamoff>(byte)).put(value).flush();
    };
    put(static_cast<char>(bytes[byte] ^ (1 << byte % 8)));
    ASSERT_NE(open_error(folder_ / "m"), "(no error)") << byte;
    put(bytes[byte]);
  }
  EXPECT_EQ(open_error(folder_ / "m"), "(no error)");
}

TEST_F(QuantizedShards, WrongIndexesAreRefusedWithTheReason) {
  const std::string text = test::read_file(folder_ / kIndex);
  const std::string key = "\"model-00001-of-";
  const std::string digits = text.substr(text.find(": \"", text.find(key)) + 3, 8);
  EXPECT_THAT(error_with(digits, "00000000"), HasSubstr("where the index has 00000000"));
  EXPECT_THAT(error_with("\"" + digits + "\"", "7"), HasSubstr("are not all text"));
  EXPECT_THAT(error_with("wquant.header_checksums", "wquant.header_checksumz"),
              HasSubstr("where the index has none"));
  EXPECT_THAT(error_with("\"bias\"", "\"bios\""), HasSubstr("bios: is not in model-0000"));
  EXPECT_THAT(error_with("\"metadata\"", "\"metadatA\""), HasSubstr("has none"));
  for (std::size_t size = 0; size + 2 < text.size(); size += 7) {
    test::write_file(folder_ / kIndex, text.substr(0, size));
    EXPECT_NE(open_error(folder_ / "m"), "(no error)") << size;
  }
}

TEST_F(QuantizedShards, FloatFilesAreNoneOfThem) {
  test::MemoryModel floats;
  floats.add("w", {3, 5}, Dtype::kF32);
  write_model(floats, folder_ / "f", "safetensors-shards", Overwrite::kRefuse);
  EXPECT_FALSE(is_quantized_file(folder_ / "f"));
  EXPECT_THAT(open_error(folder_ / "f"), HasSubstr("metadata format is missing"));
}

TEST_F(QuantizedShards, WhatIsNotFinishedLeavesNothing) {
  const test::MemoryModel none;
  {
    const auto writer = quantized_folder_format().make(
        {none, made_.plan, made_.settings, folder_ / "half", kSize}, Overwrite::kRefuse);
    EXPECT_THAT(error_of([&] { writer->finish(made_.report); }), HasSubstr("not all bytes"));
  }
  EXPECT_THAT(test::listed(folder_ / ""), ElementsAre("m"));
}

TEST_F(QuantizedShards, OnlySuchAFolderIsReplaced) {
  EXPECT_EQ(error_of([&] { made_.write_shards(folder_ / "m", kSize * 2); }), "(no error)");
  EXPECT_LT(test::listed(folder_ / "m").size(), count_ + 1);
  test::write_file(folder_ / "m/notes.txt", "mine");
  EXPECT_THAT(error_of([&] { made_.write_shards(folder_ / "m", kSize); }),
              HasSubstr("which is no .safetensors file"));
  EXPECT_EQ(test::read_file(folder_ / "m/notes.txt"), "mine");
}

TEST_F(QuantizedShards, TooManyFilesAreRefused) {
  Sample many;
  for (int i = 0; i < 501; ++i) many.add_kept("t" + std::to_string(i), {1}, Dtype::kU8);
  EXPECT_THAT(error_of([&] { many.write_shards(folder_ / "many", 1); }),
              HasSubstr("many: would be 501 files, more than 500: give a larger --shard-size"));
  EXPECT_EQ(error_of([&] { many.write_shards(folder_ / "many", 2); }), "(no error)");
}

/// A model of three files, whose tensors do not come in the order of the files.
class ThreeFiles : public test::MemoryModel {
 public:
  ThreeFiles() {
    for (const char* name : {"a", "b", "c", "d", "e"}) add(name, {4}, Dtype::kF32);
  }
  [[nodiscard]] std::string_view file_of(std::size_t index) const override {
    return std::array<std::string_view, 5>{"z", "x", "z", "y", "x"}[index];
  }
};

TEST_F(QuantizedShards, TensorsStayTogetherAsTheyWere) {
  const ThreeFiles model;
  const Settings settings;
  const Plan plan = make_plan(model, settings);
  const auto writer = quantized_folder_format().make({model, plan, settings, folder_ / "three"},
                                                     Overwrite::kRefuse);
  Report report = quantize(model, plan, *writer);
  writer->finish(report);
  const auto names = [&](std::size_t number) {
    std::string all;
    const QuantizedModel part(folder_ / ("three/" + shard_file_name(number, 3)));
    for (const TensorInfo& info : part.tensors()) all += info.name;
    return all;
  };
  EXPECT_THAT((std::vector{names(0), names(1), names(2)}), ElementsAre("ac", "be", "d"));
  const QuantizedModel back(folder_ / "three");
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(back.tensors()[i].name, model.tensors()[i].name);
    EXPECT_EQ(test::read_tensor(back, i), model.data(i));
  }
}

}  // namespace
}  // namespace wquant
