#include "formats/onnx_rewrite.h"

#include <gmock/gmock.h>

#include <cmath>
#include <string>

#include "formats/onnx.h"
#include "formats/onnx_checks.h"
#include "formats/onnx_expand.h"
#include "formats/onnx_output.h"
#include "formats/onnx_support.h"
#include "formats/safetensors_support.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using test::onnx_bytes;
using test::onnx_constant;
using test::onnx_external;
using test::onnx_initializers;
using test::onnx_node;
using test::onnx_raw;
using testing::ElementsAre;
using testing::HasSubstr;

const OnnxEdit kExpand4 = {OnnxEdit::Kind::kExpand, 4};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// A row of a product with a matrix of `columns`, in float32 as a runtime computes it.
std::vector<float> times(const std::vector<float>& row, const std::vector<float>& matrix,
                         std::size_t columns) {
  std::vector<float> product(columns);
  for (std::size_t i = 0; i < row.size(); ++i) {
    for (std::size_t j = 0; j < columns; ++j) product[j] += row[i] * matrix[i * columns + j];
  }
  return product;
}

/// What the nodes make of a row of packed bytes.
std::vector<float> unpacked(const std::vector<float>& bytes, int bits) {
  std::vector<float> codes = times(bytes, onnx_unpack_matrix(bits), 8);
  for (float& code : codes) code = std::trunc((code - std::floor(code)) * std::ldexp(1.0F, bits));
  return codes;
}

TEST(OnnxExpand, MatrixUnpacksEveryCode) {
  for (int bits = 1; bits <= 7; ++bits) {
    for (unsigned code = 0; code < 1U << bits; ++code) {
      for (unsigned place = 0; place < 8; ++place) {
        for (const unsigned others : {0U, 0x55U, 0xFFU}) {
          std::vector<float> bytes(static_cast<std::size_t>(bits));
          std::vector<float> codes(8);
          for (unsigned bit = 0; bit < 8 * static_cast<unsigned>(bits); ++bit) {
            const unsigned at = bit % static_cast<unsigned>(bits);
            const unsigned which = bit / static_cast<unsigned>(bits);
            const unsigned value = (which == place ? code : others) >> at & 1U;
            bytes[bit / 8] += static_cast<float>(value << bit % 8);
            codes[which] += static_cast<float>(value << at);
          }
          ASSERT_EQ(unpacked(bytes, bits), codes) << bits << " " << code << " " << place;
        }
      }
    }
  }
}

class OnnxRewrite : public testing::Test {
 protected:
  /// The model of the bytes with the same edit for all of its tensors, written and opened; a hole
  /// is filled with its number.
  std::string rewritten(const std::string& bytes, const OnnxEdit& edit,
                        std::uint64_t limit = kMaxOnnxModel) {
    test::write_file(folder_ / "m.onnx", bytes);
    const OnnxFile file(folder_ / "m.onnx");
    const std::vector<OnnxEdit> edits(file.tensors().size(), edit);
    const OnnxLayout layout = rewrite_onnx(file, edits, "o.onnx.data", limit);
    OnnxOutput output(folder_ / "o.onnx", Overwrite::kReplace, layout);
    for (const ByteRope* rope : {&layout.model, &layout.data}) {
      for (const ByteRope::Piece& piece : rope->pieces()) {
        if (piece.hole == ByteRope::kNoHole) continue;
        std::string fill(piece.size, static_cast<char>(piece.hole));
        if (piece.hole == kOnnxChecksHole) {
          OnnxChecks checks;
          checks.nodes = layout.nodes;
          checks.quantized.resize(layout.expanded.size());
          fill = onnx_checks_text(checks);
        }
        output.write(piece.hole, 0, bytes_of(fill));
      }
    }
    output.commit();
    return test::read_file(folder_ / "o.onnx");
  }

  Folder folder_;
};

TEST_F(OnnxRewrite, NothingToEditGivesTheSameBytes) {
  WireMessage graph = onnx_initializers({onnx_raw("w", {2}, "12345678")});
  graph.message(OnnxGraphField::kNode, onnx_constant("c", onnx_raw("", {1}, "1234")))
      .message(OnnxGraphField::kNode,
               onnx_node("If", "i", OnnxAttributeField::kGraph,
                         onnx_initializers({onnx_raw("v", {2}, "abcdefgh")})))
      .text(1000, "a field that nobody knows");
  const std::string bytes = onnx_bytes(graph);
  EXPECT_EQ(rewritten(bytes, {}), bytes);
}

TEST_F(OnnxRewrite, ReplacedTensorsKeepAllButTheirData) {
  WireMessage tensor = test::onnx_head("w", {2});
  tensor.text(OnnxTensorField::kFloats, "12345678").text(12, "what it is");
  rewritten(onnx_bytes(onnx_initializers({onnx_raw("v", {1}, "1234"), tensor})),
            {OnnxEdit::Kind::kReplace});
  EXPECT_THAT(test::read_file(folder_ / "o.onnx"), HasSubstr("what it is"));
  const auto model = open_onnx(folder_ / "o.onnx");
  EXPECT_EQ(test::read_tensor(*model, 0), std::string(4, '\0'));
  EXPECT_EQ(test::read_tensor(*model, 1), std::string(8, '\4'));
}

TEST_F(OnnxRewrite, ExternalDataMoveIntoTheModel) {
  test::write_file(folder_ / "d", "01234567");
  rewritten(onnx_bytes(onnx_initializers({onnx_external("w", {1}, "d", "4")})), {});
  std::filesystem::remove(folder_ / "d");
  EXPECT_EQ(test::read_tensor(*open_onnx(folder_ / "o.onnx"), 0), "4567");
}

TEST_F(OnnxRewrite, DataOfALargeModelMoveIntoAFileBesideIt) {
  const std::string large(2000, 'l');
  test::write_file(folder_ / "d", std::string(2400, 'e'));
  const std::string bytes = onnx_bytes(onnx_initializers(
      {onnx_raw("a", {500}, large), onnx_raw("s", {1}, "smal"), onnx_external("e", {600}, "d")}));
  const std::string model = rewritten(bytes, {}, 100);
  EXPECT_LT(model.size(), 400U);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "o.onnx.data"), 2048U + 2400U);
  const auto back = open_onnx(folder_ / "o.onnx");
  EXPECT_EQ(test::read_tensor(*back, 0), large);
  EXPECT_EQ(test::read_tensor(*back, 1), "smal");
  EXPECT_EQ(test::read_tensor(*back, 2), std::string(2400, 'e'));
  rewritten(bytes, {OnnxEdit::Kind::kReplace}, 100);
  EXPECT_EQ(test::read_tensor(*open_onnx(folder_ / "o.onnx"), 2), std::string(2400, '\10'));
}

/// Names in the fields `number` of the graph's fields `kind`.
std::vector<std::string> names_in(const std::string& model, std::uint32_t kind,
                                  std::uint32_t number) {
  std::vector<std::string> names;
  WireReader reader(bytes_of(model));
  for (WireField field; reader.next(field);) {
    if (field.number != OnnxModelField::kGraph) continue;
    WireReader graph(wire_message(field));
    for (WireField part; graph.next(part);) {
      if (part.number != kind) continue;
      WireReader message(wire_message(part));
      for (WireField text; message.next(text);) {
        if (text.number == number) names.emplace_back(wire_text(text));
      }
    }
  }
  return names;
}

TEST_F(OnnxRewrite, ExpandedWeightsBecomeNodesBeforeAllOthers) {
  WireMessage graph = onnx_initializers({onnx_raw("w", {2, 1}, "12345678")});
  graph
      .message(OnnxGraphField::kNode,
               onnx_constant("c", onnx_raw("", {1, 8}, std::string(32, 'c'))))
      .message(OnnxGraphField::kNode, WireMessage().text(OnnxNodeField::kOpType, "Relu"));
  const std::string model = rewritten(onnx_bytes(graph), kExpand4);
  EXPECT_THAT(names_in(model, OnnxGraphField::kNode, OnnxNodeField::kOpType),
              ElementsAre("Cast", "MatMul", "Floor", "Sub", "Mul", "Cast", "Reshape", "Split",
                          "Gather", "Reshape", "Gather", "Reshape", "Relu"));
  EXPECT_THAT(names_in(model, OnnxGraphField::kInitializer, OnnxTensorField::kName),
              testing::Contains("wquant.codes4"));
}

TEST_F(OnnxRewrite, TensorsOfOneShapeAreExpandedTogether) {
  const std::string data(64, 'w');
  const std::string model = rewritten(
      onnx_bytes(onnx_initializers(
          {onnx_raw("a", {4, 4}, data), onnx_raw("b", {16}, data), onnx_raw("c", {4, 4}, data)})),
      kExpand4);
  EXPECT_THAT(names_in(model, OnnxGraphField::kNode, OnnxNodeField::kOpType),
              ElementsAre("Cast", "MatMul", "Floor", "Sub", "Mul", "Cast", "Reshape", "Split",
                          "Reshape", "Add", "Gather", "Reshape", "Split", "Gather", "Reshape"));
  std::vector<std::string> names;
  const auto opened = open_onnx(folder_ / "o.onnx");
  for (const TensorInfo& info : opened->tensors()) names.push_back(info.name);
  EXPECT_THAT(names, ElementsAre("a", "c", "b"));
}

TEST_F(OnnxRewrite, WeightsThatShareTheirNameWithAnotherValueAreRefused) {
  WireMessage inner =
      WireMessage().message(OnnxGraphField::kNode, WireMessage().text(OnnxNodeField::kOutput, "w"));
  WireMessage graph = onnx_initializers({onnx_raw("v", {1}, "1234")});
  graph
      .message(OnnxGraphField::kNode, onnx_node("If", "i", OnnxAttributeField::kGraph,
                                                onnx_initializers({onnx_raw("w", {1}, "1234")})))
      .message(OnnxGraphField::kNode, onnx_node("If", "j", OnnxAttributeField::kGraph, inner));
  EXPECT_THAT(error_of([&] { rewritten(onnx_bytes(graph), kExpand4); }),
              HasSubstr("w: another value of the model has this name"));
}

TEST_F(OnnxRewrite, QuantizedModelsAreNotQuantizedAgain) {
  const std::string bytes =
      rewritten(onnx_bytes(onnx_initializers({onnx_raw("w", {1}, "1234")})), kExpand4);
  EXPECT_EQ(open_onnx(folder_ / "o.onnx")->format(), kQuantizedOnnx);
  EXPECT_THAT(error_of([&] { rewritten(bytes, kExpand4); }), HasSubstr("quantized model already"));
}

TEST_F(OnnxRewrite, NewNamesAvoidThoseInUse) {
  WireMessage graph = onnx_initializers({onnx_raw("w", {8}, std::string(32, 'w'))});
  graph.message(OnnxGraphField::kInput, WireMessage().text(OnnxValueField::kName, "wquant.codes4"))
      .message(OnnxGraphField::kNode, WireMessage().text(OnnxNodeField::kOutput, "_0"));
  const std::string model = rewritten(onnx_bytes(graph), kExpand4);
  EXPECT_THAT(names_in(model, OnnxGraphField::kInitializer, OnnxTensorField::kName),
              testing::Contains("wquant.codes4_"));
  EXPECT_THAT(names_in(model, OnnxGraphField::kNode, OnnxNodeField::kOutput),
              testing::IsSupersetOf({"_0", "_2", "w"}));
  EXPECT_THAT(names_in(model, OnnxGraphField::kInitializer, OnnxTensorField::kName),
              testing::Contains("_0_"));
}

TEST_F(OnnxRewrite, InputsOfAnOldModelAreItsInitializers) {
  WireMessage graph = onnx_initializers({onnx_raw("w", {2}, "12345678")});
  for (const char* name : {"image", "w"}) {
    graph.message(OnnxGraphField::kInput, WireMessage().text(OnnxValueField::kName, name));
  }
  EXPECT_THAT(names_in(rewritten(onnx_bytes(graph, 7, 4), kExpand4), OnnxGraphField::kInput,
                       OnnxValueField::kName),
              ElementsAre("image"));
  const std::string old = rewritten(onnx_bytes(graph, 7, 3), kExpand4);
  std::vector<std::string> names =
      names_in(old, OnnxGraphField::kInitializer, OnnxTensorField::kName);
  names.insert(names.begin(), "image");
  EXPECT_EQ(names_in(old, OnnxGraphField::kInput, OnnxValueField::kName), names);
}

TEST_F(OnnxRewrite, ModelsOfOldOperatorsAreRefused) {
  const std::string bytes = onnx_bytes(onnx_initializers({onnx_raw("w", {1}, "1234")}), 6);
  EXPECT_THAT(error_of([&] { rewritten(bytes, kExpand4); }), HasSubstr("opset 6: export it with"));
  EXPECT_EQ(rewritten(bytes, {}), bytes);
}

}  // namespace
}  // namespace wquant
