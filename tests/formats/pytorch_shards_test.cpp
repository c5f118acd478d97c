#include <gmock/gmock.h>

#include "formats/pytorch_support.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

using test::dict;
using test::error_of;
using test::Folder;
using test::pickled;
using test::pytorch_zip;
using test::read_tensor;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kIndex = "pytorch_model.bin.index.json";

std::string vector_in(std::string_view storage) {
  return test::tensor(test::storage(storage, 2), 0, {2}, {1});
}

/// A folder of two PyTorch files and their index, which names the tensors in the order of the
/// alphabet. The tensors a and z are one.
class PyTorchShards : public testing::Test {
 protected:
  void SetUp() override {
    test::write_file(folder_ / "1.bin", pytorch_zip(pickled(dict({{"z", vector_in("0")},
                                                                  {"block.c", vector_in("1")},
                                                                  {"a", vector_in("0")}})),
                                                    {{"0", "abcdefgh"}, {"1", "ijklmnop"}}));
    test::write_file(folder_ / "2.bin",
                     pytorch_zip(pickled(dict({{"b", vector_in("0")}})), {{"0", "qrstuvwx"}}));
    write_index(R"("a":"1.bin","b":"2.bin","block.c":"1.bin","z":"1.bin")");
  }

  void write_index(std::string_view map) const {
    test::write_file(folder_ / kIndex, "{\"weight_map\":{" + std::string(map) + "}}");
  }

  [[nodiscard]] std::string error() const {
    return error_of([&] { open_model(folder_ / kIndex); });
  }

  Folder folder_;
};

TEST_F(PyTorchShards, IndexAndFolderAreTheModelInTheOrderOfTheIndex) {
  for (const char* name : {kIndex, ""}) {
    const auto model = open_model(folder_ / name);
    EXPECT_EQ(model->format(), "pytorch-shards");
    std::string names, data;
    std::vector<std::string> files;
    for (std::size_t i = 0; i < model->tensors().size(); ++i) {
      names += model->tensors()[i].name + " ";
      data += read_tensor(*model, i) + " ";
      files.emplace_back(model->file_of(i));
    }
    EXPECT_EQ(names, "a b block.c z ");
    EXPECT_EQ(data, "abcdefgh qrstuvwx ijklmnop abcdefgh ");
    EXPECT_THAT(files, ElementsAre("1.bin", "2.bin", "1.bin", "1.bin"));
  }
}

TEST_F(PyTorchShards, TensorsOfAFileStayTied) {
  const auto model = open_model(folder_ / "");
  EXPECT_EQ(model->same_as(3), 0U);
  EXPECT_EQ(model->same_as(0), 0U);
  EXPECT_EQ(model->same_as(1), 1U);
  EXPECT_EQ(model->same_as(2), 2U);
}

TEST_F(PyTorchShards, WhatDoesNotFitTheIndexIsRefusedWithTheReason) {
  write_index(R"("a":"1.bin","b":"2.bin")");
  EXPECT_THAT(error(), HasSubstr("block.c: is in 1.bin, but the index does not list it"));
  write_index(R"("b":"1.bin")");
  EXPECT_THAT(error(), HasSubstr("b: is not in 1.bin"));
  write_index(R"("b":"3.bin")");
  EXPECT_THAT(error(), HasSubstr("3.bin: the index names this file, but it is missing"));
  write_index(R"("b":"../2.bin")");
  EXPECT_THAT(error(), HasSubstr("which is no file beside the index"));
  test::write_file(folder_ / "2.bin", "text");
  write_index(R"("b":"2.bin")");
  EXPECT_THAT(error(), HasSubstr("2.bin: begins neither like a zip archive nor"));
}

}  // namespace
}  // namespace wquant
