#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "formats/byte_rope.h"
#include "formats/onnx_data.h"
#include "formats/wire.h"
#include "wquant/cells.h"
#include "wquant/model.h"

namespace wquant {

/// Makes the nodes that turn packed codes and levels into a tensor, from operators that every
/// runtime has since opset 7.
///
/// The codes are the bit stream of the quantized file: 8 codes of b bits fill b bytes exactly, so
/// a row of b bytes becomes a row of 8 codes. Code k lies in byte k*b/8 and the next one, with s =
/// k*b%8 bits below it: as a number W of 16 bits, it is floor(W / 2^s) - 2^b floor(W / 2^(s+b)).
/// Both quotients of all 8 codes are one product with a constant b x 16 matrix, the difference is
/// one with a 16 x 8 matrix, both exact in float32:
///
///     Cast(FLOAT), MatMul, Floor, MatMul, Cast(INT32), Gather(levels), Reshape
///
/// and for a count that is no multiple of 8 a Slice. Scales of channels are multiplied as they
/// broadcast, Cast(FLOAT), Mul; those of groups are spread over them before:
///
///     Cast(FLOAT), Tile, Reshape, Slice, Reshape, Mul
///
/// without the first Reshape and the Slice where the last group is not short. BitShift and
/// BitwiseAnd would do the same with opset 18 only, and words of 32 bits waste 2 of them for 3, 5
/// and 6 bits.
class OnnxExpander {
 public:
  /// `taken` are the names in use, to which the new ones are added.
  OnnxExpander(std::uint64_t opset, std::unordered_set<std::string> taken, OnnxData& data);

  /// The bytes of the parts as in the quantized file.
  struct Parts {
    ByteRope codes, levels, scales;
  };

  /// The nodes that make the tensor; what they start from is added to initializers().
  ByteRope expand(const TensorInfo& info, int bits, const CellPlan& cells, Parts&& parts);

  /// Initializers of the outermost graph, as fields of a GraphProto.
  ByteRope take_initializers() { return std::exchange(initializers_, {}); }
  /// Names, types and shapes of the initializers, as fields of a GraphProto: until IR 4 each has
  /// to be an input, too.
  [[nodiscard]] const std::string& inputs() const { return inputs_; }

 private:
  struct Matrices {
    std::string quotients, differences;  ///< Names.
  };

  std::string fresh(std::string_view name);
  std::string add_initializer(std::string_view name, std::uint64_t type,
                              std::span<const std::uint64_t> shape, ByteRope&& data);
  std::string add_floats(std::string_view name, std::span<const std::uint64_t> shape,
                         std::span<const float> values);
  /// An initializer of these integers, one for all that want the same.
  const std::string& integers(const std::vector<std::uint64_t>& values);
  const Matrices& matrices(int bits);
  std::string codes_as_integers(const TensorInfo& info, int bits, ByteRope&& codes);
  std::string levels_as(const TensorInfo& info, int bits, Dtype dtype, ByteRope&& levels);
  /// The first `count` elements of a tensor, in one dimension.
  std::string cut(std::uint64_t count, const std::string& padded);
  /// levels[codes] in the shape of the tensor, as `output` where that is given.
  std::string gather(const TensorInfo& info, int bits, const std::vector<std::string>& inputs,
                     std::string output);
  /// Scales as FLOAT in a shape that broadcasts to that of the tensor.
  std::string scales_for(const TensorInfo& info, const CellPlan& cells, ByteRope&& scales);
  /// Adds a node; returns the name of its output.
  std::string node(std::string_view op, const std::vector<std::string>& inputs,
                   const std::vector<WireMessage>& attributes = {}, std::string output = {});
  std::string cast(const std::string& input, std::uint64_t type);

  std::uint64_t opset_;
  std::unordered_set<std::string> taken_;
  OnnxData& data_;
  ByteRope initializers_;
  std::string inputs_;
  ByteRope nodes_;
  std::map<int, Matrices> matrices_;
  std::map<std::vector<std::uint64_t>, std::string> integers_;
  std::size_t outputs_ = 0;
};

/// The shape of the scales of a tensor of that shape.
std::vector<std::uint64_t> onnx_scales_shape(const std::vector<std::uint64_t>& shape,
                                             const CellPlan& cells);

/// The constant matrices of OnnxExpander, in C order.
std::vector<float> onnx_quotient_matrix(int bits);
std::vector<float> onnx_difference_matrix(int bits);
/// The matrix that is stored under that name; nothing for the name of anything else.
std::optional<std::vector<float>> onnx_matrix(std::string_view name);

}  // namespace wquant
