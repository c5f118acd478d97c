#include "formats/safetensors_shards.h"

#include <gmock/gmock.h>

#include "formats/safetensors_support.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using test::read_tensor;
using test::safetensors_bytes;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kIndex = "model.safetensors.index.json";

/// A file of one U8 tensor for each letter of `names`, whose element is the letter.
std::string shard(std::string_view names) {
  std::string json, data(names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    json += (i == 0 ? "{\"" : ",\"") + std::string(1, names[i]) +
            R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," +
            std::to_string(i + 1) + "]}";
  }
  return safetensors_bytes(json + "}", data);
}

std::string index(std::string_view map) {
  return R"({"metadata":{"total_size":3},"weight_map":{)" + std::string(map) + "}}";
}

/// A folder with the tensors a and c in one file and b in another.
class SafetensorsShards : public testing::Test {
 protected:
  void SetUp() override {
    test::write_file(folder_ / "1.safetensors", shard("ac"));
    test::write_file(folder_ / "2.safetensors", shard("b"));
  }

  [[nodiscard]] std::string error_with(std::string_view bytes) const {
    test::write_file(folder_ / kIndex, bytes);
    return error_of([&] { open_safetensors_shards(folder_ / kIndex); });
  }

  Folder folder_;
};

TEST_F(SafetensorsShards, IndexAndFolderAreTheModelInTheOrderOfTheIndex) {
  test::write_file(folder_ / kIndex,
                   index(R"("c":"1.safetensors","b":"2.safetensors","a":"1.safetensors")"));
  for (const char* name : {kIndex, ""}) {
    const auto model = open_model(folder_ / name);
    EXPECT_EQ(model->format(), "safetensors-shards");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < model->tensors().size(); ++i) {
      names.push_back(model->tensors()[i].name);
      EXPECT_EQ(read_tensor(*model, i), names.back());
      EXPECT_EQ(model->view(i).size(), 1U);
      model->release(i, 0, 1);
    }
    EXPECT_THAT(names, ElementsAre("c", "b", "a"));
  }
}

TEST_F(SafetensorsShards, TensorsMayBeNamedLikeMembersOfTheIndex) {
  test::write_file(
      folder_ / "1.safetensors",
      safetensors_bytes(R"({"metadata":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x"));
  EXPECT_EQ(error_with(index(R"("metadata":"1.safetensors")")), "(no error)");
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* message;
};

TEST_F(SafetensorsShards, HostileIndexesAreRefusedWithTheReason) {
  const std::string all = R"("a":"1.safetensors","b":"2.safetensors","c":"1.safetensors")";
  const std::string out = "is no file beside the index";
  const std::vector<Hostile> hostiles = {
      {"Empty", "", "the index is not valid UTF-8 JSON"},
      {"NoMap", "{}", "the index lists no tensor"},
      {"EmptyMap", index(""), "the index lists no tensor"},
      {"MapIsList", R"({"weight_map":[]})", "its weight_map is no object"},
      {"MapIsText", R"({"weight_map":"a"})", "its weight_map is no object"},
      {"MapTwice", R"({"weight_map":{"a":"1.safetensors"},"weight_map":{}})", "twice"},
      {"TensorTwice", index(all + R"(,"a":"2.safetensors")"), "holds the key \"a\" twice"},
      {"FileIsNumber", index(R"("a":1)"), "a: the index does not name its file"},
      {"FileIsObject", index(R"("a":{})"), "a: the index does not name its file"},
      {"FileIsNull", index(R"("a":null)"), "a: the index does not name its file"},
      {"Above", index(R"("a":"../1.safetensors")"), out.c_str()},
      {"Absolute", index(R"("a":"/1.safetensors")"), out.c_str()},
      {"Below", index(R"("a":"x/1.safetensors")"), out.c_str()},
      {"Backslash", index(R"("a":"..\\1.safetensors")"), out.c_str()},
      {"Dots", index(R"("a":"..")"), out.c_str()},
      {"Dot", index(R"("a":".")"), out.c_str()},
      {"NoName", index(R"("a":"")"), out.c_str()},
      {"ZeroByte", index(R"("a":"1.safetensors\u0000")"), out.c_str()},
      {"MissingFile", index(all + R"(,"d":"3.safetensors")"),
       "3.safetensors: the index names this file, but it is missing: get it again"},
      {"OtherFile", index(R"("a":"2.safetensors","b":"2.safetensors")"),
       "a: is not in 2.safetensors, where the index puts it"},
      {"Unlisted", index(R"("a":"1.safetensors","b":"2.safetensors")"),
       "c: is in 1.safetensors, but the index does not list it there"},
      {"Itself", index(R"("a":"model.safetensors.index.json")"), "header length"},
  };
  EXPECT_EQ(error_with(index(all)), "(no error)");
  for (const Hostile& hostile : hostiles) {
    SCOPED_TRACE(hostile.name);
    EXPECT_THAT(error_with(hostile.bytes), HasSubstr(hostile.message));
  }
  for (std::size_t size = 0; size < index(all).size(); ++size) {
    EXPECT_NE(error_with(index(all).substr(0, size)), "(no error)") << size;
  }
}

TEST_F(SafetensorsShards, IndexThatIsTooLargeIsNotRead) {
  test::write_file(folder_ / kIndex, "{");
  std::filesystem::resize_file(folder_ / kIndex, 100'000'001);
  EXPECT_THAT(error_of([&] { open_model(folder_ / kIndex); }),
              HasSubstr("the index has 100000001 bytes, more than 100000000"));
}

TEST_F(SafetensorsShards, DamagedFileIsNamed) {
  test::write_file(folder_ / "2.safetensors", shard("b") + "x");
  EXPECT_THAT(error_with(index(R"("b":"2.safetensors")")),
              HasSubstr("2.safetensors: 1 bytes follow"));
}

TEST_F(SafetensorsShards, TwoIndexesInAFolderAreOneTooMany) {
  for (const char* name : {kIndex, "other.safetensors.index.json"}) {
    test::write_file(folder_ / name, index(R"("b":"2.safetensors")"));
    EXPECT_EQ(open_model(folder_ / name)->tensors().size(), 1U);
  }
  EXPECT_THAT(error_of([&] { open_model(folder_ / ""); }), HasSubstr("holds 2 files"));
}

TEST_F(SafetensorsShards, WrittenFilesHoldAtMostTheirSizeInTheModelsOrder) {
  test::MemoryModel model;
  for (const std::uint64_t size : {40U, 60U, 1U, 200U, 0U, 99U, 1U}) {
    model.add("t" + std::to_string(model.tensors().size()), {size}, Dtype::kU8);
  }
  RunOptions options;
  options.shard_size = 100;
  write_safetensors_shards(model, folder_ / "m/", Overwrite::kRefuse, options);
  const auto back = open_model(folder_ / "m");
  ASSERT_EQ(back->tensors().size(), model.tensors().size());
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    EXPECT_EQ(back->tensors()[i].name, model.tensors()[i].name);
    EXPECT_EQ(read_tensor(*back, i), model.data(i));
  }
  std::vector<std::size_t> counts;
  for (int number = 1; number <= 4; ++number) {
    const std::string name = "m/model-0000" + std::to_string(number) + "-of-00004.safetensors";
    counts.push_back(open_model(folder_ / name)->tensors().size());
  }
  EXPECT_THAT(counts, ElementsAre(2, 1, 1, 3));
  EXPECT_THAT(test::read_file(folder_ / "m/model.safetensors.index.json"),
              HasSubstr("\"total_size\": 401"));
}

TEST_F(SafetensorsShards, OnlyAFolderOfSuchFilesIsReplaced) {
  test::MemoryModel model;
  model.add("w", {3}, Dtype::kF32);
  const auto write = [&](const char* name, Overwrite overwrite) {
    return error_of([&] { write_model(model, folder_ / name, "safetensors-shards", overwrite); });
  };
  EXPECT_EQ(write("m", Overwrite::kRefuse), "(no error)");
  EXPECT_THAT(write("m", Overwrite::kRefuse), HasSubstr("m: exists and is not empty"));
  EXPECT_EQ(write("m", Overwrite::kReplace), "(no error)");
  test::write_file(folder_ / "m/notes.txt", "mine");
  EXPECT_THAT(write("m", Overwrite::kReplace), HasSubstr("which is no .safetensors file"));
  EXPECT_THAT(write("1.safetensors", Overwrite::kReplace), HasSubstr("is not a folder"));
  EXPECT_EQ(test::read_file(folder_ / "m/notes.txt"), "mine");
}

}  // namespace
}  // namespace wquant
