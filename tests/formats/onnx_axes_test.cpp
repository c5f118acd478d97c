#include "formats/onnx_axes.h"

#include <gtest/gtest.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/onnx_support.h"

namespace wquant {
namespace {

WireMessage node(std::string_view op, const std::vector<std::string>& inputs) {
  WireMessage message;
  for (const std::string& input : inputs) message.text(OnnxNodeField::kInput, input);
  return message.text(OnnxNodeField::kOutput, "y").text(OnnxNodeField::kOpType, op);
}

/// A Gemm of x and w with that value of transB.
WireMessage gemm(std::uint64_t transposed) {
  return node("Gemm", {"x", "w"})
      .message(OnnxNodeField::kAttribute, WireMessage()
                                              .text(OnnxAttributeField::kName, "transB")
                                              .number(OnnxAttributeField::kNumber, transposed));
}

/// The axis of w.
std::optional<std::size_t> axis_of(const std::vector<WireMessage>& nodes, std::size_t rank) {
  OnnxAxes axes;
  for (const WireMessage& message : nodes) axes.add_node(std::as_bytes(std::span(message.bytes())));
  return axes.of("w", rank);
}

TEST(OnnxAxes, AreThoseOfTheOperators) {
  EXPECT_EQ(axis_of({node("Conv", {"x", "w", "b"})}, 4), 0U);
  EXPECT_EQ(axis_of({node("ConvTranspose", {"x", "w"})}, 4), 1U);
  EXPECT_EQ(axis_of({gemm(1)}, 2), 0U);
  EXPECT_EQ(axis_of({gemm(0)}, 2), 1U);
  EXPECT_EQ(axis_of({node("Gemm", {"x", "w"})}, 2), 1U);
  EXPECT_EQ(axis_of({node("MatMul", {"x", "w"})}, 2), 1U);
  EXPECT_EQ(axis_of({node("MatMul", {"w", "x"})}, 2), 0U);
  EXPECT_EQ(axis_of({node("MatMul", {"x", "w"}), node("MatMul", {"z", "w"})}, 2), 1U);
}

TEST(OnnxAxes, AreUnknownWhereNoOperatorTells) {
  EXPECT_EQ(axis_of({}, 2), std::nullopt);
  EXPECT_EQ(axis_of({node("Gather", {"w", "x"})}, 2), std::nullopt);
  EXPECT_EQ(axis_of({node("MatMul", {"x", "w"})}, 3), std::nullopt);
  EXPECT_EQ(axis_of({node("MatMul", {"x", "w"}), node("MatMul", {"w", "x"})}, 2), std::nullopt);
  EXPECT_EQ(axis_of({node("Conv", {"x", "w"}).text(OnnxNodeField::kDomain, "mine")}, 4),
            std::nullopt);
}

/// Whether w is but an operand.
bool is_operand(const std::vector<WireMessage>& nodes) {
  OnnxAxes axes;
  for (const WireMessage& message : nodes) axes.add_node(std::as_bytes(std::span(message.bytes())));
  return axes.is_operand("w");
}

TEST(OnnxAxes, OperandsAreReadElementByElementOnly) {
  EXPECT_TRUE(is_operand({node("Sub", {"x", "w"})}));
  EXPECT_TRUE(is_operand({node("Sub", {"x", "w"}), node("Mul", {"w", "x"})}));
  EXPECT_FALSE(is_operand({node("Sub", {"x", "w"}), node("MatMul", {"x", "w"})}));
  EXPECT_FALSE(is_operand({node("Gather", {"w", "x"})}));
  EXPECT_FALSE(is_operand({node("Sub", {"x", "w"}).text(OnnxNodeField::kDomain, "mine")}));
  EXPECT_FALSE(is_operand({}));
}

}  // namespace
}  // namespace wquant
