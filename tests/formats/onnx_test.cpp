#include "formats/onnx.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "formats/onnx_support.h"
#include "formats/safetensors_support.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

using test::error_of;
using test::Folder;
using test::onnx_bytes;
using test::onnx_constant;
using test::onnx_external;
using test::onnx_head;
using test::onnx_initializers;
using test::onnx_node;
using test::onnx_raw;
using testing::HasSubstr;

constexpr std::string_view kEight = "xxxxxxxx";

class Onnx : public testing::Test {
 protected:
  std::unique_ptr<ModelReader> open(const WireMessage& graph) {
    test::write_file(folder_ / "m.onnx", onnx_bytes(graph));
    return open_onnx(folder_ / "m.onnx");
  }
  std::string error(const WireMessage& graph) {
    return error_of([&] { open(graph); });
  }
  std::string error(const WireMessage& tensor, int) { return error(onnx_initializers({tensor})); }

  Folder folder_;
};

TEST_F(Onnx, WeightsOfGraphsAndConstantsAreListed) {
  const WireMessage body = onnx_initializers({onnx_raw("inner", {2}, kEight)});
  WireMessage graph = onnx_initializers({onnx_raw("w", {1, 2}, kEight)});
  graph.message(OnnxGraphField::kNode, onnx_constant("c", onnx_raw("", {2}, kEight)))
      .message(OnnxGraphField::kNode,
               onnx_constant("axes", onnx_raw("", {1}, kEight, OnnxType::kInt64)))
      .message(OnnxGraphField::kNode, onnx_node("Loop", "l", OnnxAttributeField::kGraph, body));
  const auto model = open(graph);
  std::vector<std::string> names;
  for (const TensorInfo& info : model->tensors()) names.push_back(info.name);
  EXPECT_THAT(names, testing::ElementsAre("w", "c", "inner"));
  EXPECT_EQ(test::read_tensor(*model, 2), kEight);
  EXPECT_EQ(model->view(1).size(), 8U);
}

TEST_F(Onnx, OneOutputOfAnotherNodeIsNoWeight) {
  const WireMessage tensor = onnx_raw("t", {2}, kEight);
  WireMessage graph;
  graph.message(OnnxGraphField::kNode,
                onnx_node("ConstantOfShape", "c", OnnxAttributeField::kTensor, tensor));
  EXPECT_TRUE(open(graph)->tensors().empty());
}

TEST_F(Onnx, TensorsThatContradictThemselvesAreRefused) {
  EXPECT_THAT(error(onnx_raw("w", {3}, kEight), 0), HasSubstr("w: holds 8 bytes where its shape"));
  EXPECT_THAT(error(onnx_raw("w", {1}, kEight), 0), HasSubstr("w: holds 8 bytes where its shape"));
  EXPECT_THAT(error(onnx_raw("w", {~std::uint64_t{0}}, kEight), 0), HasSubstr("negative extent"));
  EXPECT_THAT(error(onnx_raw("w", {1ULL << 62, 1ULL << 62}, kEight), 0), HasSubstr("too large"));
  EXPECT_THAT(error(onnx_raw("w", {1ULL << 62, 4, 0}, {}), 0), HasSubstr("too large"));
  EXPECT_THAT(error(onnx_head("w", {2}), 0), HasSubstr("fewer numbers"));
  EXPECT_THAT(error(onnx_head("w", {1ULL << 40}), 0), HasSubstr("fewer numbers"));
  EXPECT_THAT(error(onnx_raw("", {2}, kEight), 0), HasSubstr("without a name"));
  EXPECT_THAT(error(onnx_raw("w", {2}, kEight, 8), 0), HasSubstr("type STRING cannot be read"));
  EXPECT_THAT(error(onnx_raw("w", {2}, kEight, 77), 0), HasSubstr("unknown element type 77"));
  EXPECT_THAT(error(onnx_raw("w", {2}, kEight, 0), 0), HasSubstr("unknown element type 0"));
  WireMessage twice = onnx_raw("w", {2}, kEight);
  twice.text(OnnxTensorField::kFloats, kEight);
  EXPECT_THAT(error(twice, 0), HasSubstr("several places"));
  WireMessage segment = onnx_raw("w", {2}, kEight);
  EXPECT_THAT(error(segment.text(OnnxTensorField::kSegment, ""), 0), HasSubstr("segments"));
}

TEST_F(Onnx, NumbersOfTypedFieldsAreChecked) {
  constexpr std::uint64_t kUint8 = OnnxType::kUint8;
  const auto numbers = [](const std::vector<std::uint64_t>& values, std::uint64_t type) {
    WireMessage tensor = onnx_head("w", {2}, type);
    for (const std::uint64_t value : values) tensor.number(OnnxTensorField::kInt32s, value);
    return onnx_initializers({tensor});
  };
  EXPECT_EQ(test::read_tensor(*open(numbers({1, 255}, kUint8)), 0), "\x01\xff");
  EXPECT_EQ(test::read_tensor(*open(numbers({1, ~std::uint64_t{0}}, 3)), 0), "\x01\xff");
  EXPECT_THAT(error(numbers({1, 256}, kUint8)), HasSubstr("does not fit"));
  EXPECT_THAT(error(numbers({1}, kUint8)), HasSubstr("fewer"));
  EXPECT_THAT(error(numbers({1, 2, 3}, kUint8)), HasSubstr("more"));
  EXPECT_THAT(error(numbers({1, 2}, OnnxType::kInt64)), HasSubstr("another type"));
  WireMessage odd = onnx_head("w", {2});
  EXPECT_THAT(error(odd.text(OnnxTensorField::kFloats, "1234567"), 0), HasSubstr("cut off"));
}

TEST_F(Onnx, NamesAreUniqueAndOneGraphIsNeeded) {
  const WireMessage tensor = onnx_raw("w", {2}, kEight);
  EXPECT_THAT(error(onnx_initializers({tensor, tensor})), HasSubstr("w: two tensors have"));
  test::write_file(folder_ / "m.onnx", WireMessage().number(OnnxModelField::kIrVersion, 8).bytes());
  EXPECT_THAT(error_of([&] { open_onnx(folder_ / "m.onnx"); }), HasSubstr("holds no graph"));
  const std::string model = onnx_bytes({});
  test::write_file(folder_ / "m.onnx", model + model);
  EXPECT_THAT(error_of([&] { open_onnx(folder_ / "m.onnx"); }), HasSubstr("two graphs"));
  WireMessage sparse;
  EXPECT_THAT(error(sparse.text(OnnxGraphField::kSparseInitializer, "")), HasSubstr("sparse"));
}

TEST_F(Onnx, DeeplyNestedGraphsAreRefused) {
  WireMessage graph;
  for (int i = 0; i < 100; ++i) {
    WireMessage outer;
    outer.message(OnnxGraphField::kNode, onnx_node("If", "o", OnnxAttributeField::kGraph, graph));
    graph = outer;
  }
  EXPECT_THAT(error(graph), HasSubstr("nested too deeply"));
}

TEST_F(Onnx, EveryTruncationIsAnErrorOrAWholeModel) {
  const std::string whole = onnx_bytes(onnx_initializers({onnx_raw("w", {2}, kEight)}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    test::write_file(folder_ / "m.onnx", whole.substr(0, size));
    const std::string message = error_of([&] { open_onnx(folder_ / "m.onnx"); });
    // Cut between two fields after the graph, it is a model without the versions that follow.
    const bool has_graph = size >= whole.size() - 4;
    EXPECT_TRUE(message != "(no error)" || has_graph) << size;
  }
}

TEST_F(Onnx, ExternalDataAreReadWhereTheyLie) {
  test::write_file(folder_ / "data.bin", "0123456789abcdefghij");
  const auto model = open(onnx_initializers({onnx_external("a", {2}, "data.bin", "4", "8"),
                                             onnx_external("b", {1}, "./data.bin", "16"),
                                             onnx_external("c", {2}, "data.bin")}));
  EXPECT_EQ(test::read_tensor(*model, 0), "456789ab");
  EXPECT_EQ(test::read_tensor(*model, 1), "ghij");
  EXPECT_EQ(test::read_tensor(*model, 2), "01234567");
  EXPECT_EQ(model->view(0).size(), 8U);
}

TEST_F(Onnx, ExternalDataStayInTheirFolder) {
  const Folder outside;
  test::write_file(outside / "data.bin", kEight);
  test::write_file(folder_ / "data.bin", kEight);
  fs::create_symlink(outside / "data.bin", folder_ / "link.bin");
  fs::create_directory_symlink(outside / "", folder_ / "sub");
  const auto located = [&](const std::string& location) {
    return error(onnx_external("w", {2}, location), 0);
  };
  EXPECT_EQ(located("data.bin"), "(no error)");
  EXPECT_THAT(located((outside / "data.bin").string()), HasSubstr("w: its data lie in /"));
  EXPECT_THAT(located((folder_ / "data.bin").string()), HasSubstr("only files in the folder"));
  EXPECT_THAT(located("../x/data.bin"), HasSubstr("only files in the folder"));
  EXPECT_THAT(located("sub/../data.bin"), HasSubstr("only files in the folder"));
  EXPECT_THAT(located(".."), HasSubstr("only files in the folder"));
  EXPECT_THAT(located("link.bin"), HasSubstr("a link out of the folder"));
  EXPECT_THAT(located("sub/data.bin"), HasSubstr("a link out of the folder"));
  EXPECT_THAT(located("missing.bin"), HasSubstr("missing.bin: No such file"));
  EXPECT_THAT(located("."), HasSubstr("w: "));
  EXPECT_THAT(located(""), HasSubstr("in which file"));
  WireMessage twice = onnx_external("w", {2}, "data.bin");
  twice.message(OnnxTensorField::kExternal, WireMessage()
                                                .text(OnnxEntryField::kKey, "location")
                                                .text(OnnxEntryField::kValue, "data.bin"));
  EXPECT_THAT(error(twice, 0), HasSubstr("says twice what the location of its data is"));
}

TEST_F(Onnx, ExternalRangesAreChecked) {
  test::write_file(folder_ / "d", "0123456789");
  const auto ranged = [&](std::string_view offset, std::string_view length) {
    return error(onnx_external("w", {2}, "d", offset, length), 0);
  };
  EXPECT_EQ(ranged("2", "8"), "(no error)");
  EXPECT_THAT(ranged("3", "8"), HasSubstr("after the end of d"));
  EXPECT_THAT(ranged("18446744073709551615", "8"), HasSubstr("after the end of d"));
  EXPECT_THAT(ranged("18446744073709551616", "8"), HasSubstr("the offset of its data is"));
  EXPECT_THAT(ranged("-1", "8"), HasSubstr("the offset of its data is -1"));
  EXPECT_THAT(ranged("", "7"), HasSubstr("are 7 bytes where its shape [2] takes 8"));
  EXPECT_THAT(ranged("", "9"), HasSubstr("are 9 bytes"));
  EXPECT_THAT(ranged("x", ""), HasSubstr("the offset of its data is x"));
}

}  // namespace
}  // namespace wquant
