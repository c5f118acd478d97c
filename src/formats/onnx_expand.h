#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "formats/byte_rope.h"
#include "formats/onnx_data.h"
#include "formats/onnx_nodes.h"
#include "wquant/cells.h"
#include "wquant/model.h"

namespace wquant {

/// A tensor that nodes make of the bytes of its parts, which are as in the quantized file.
struct OnnxWeights {
  std::size_t index = 0;  ///< Of the tensor in the model.
  TensorInfo info;
  int bits = 0;
  CellPlan cells;
  ByteRope codes, levels, scales;
};

/// Makes the nodes that turn packed codes and levels into tensors, from operators that every
/// runtime has since opset 7.
///
/// A name or a node of a tensor's own may take more bytes than the codes of a small one, so tensors
/// share what they can. The codes of all tensors of b bits are one stream, which is unpacked once:
/// 8 codes fill b bytes exactly, so a row of b bytes becomes a row of 8 codes. Code k of it lies in
/// byte k*b/8 and the next one, with s = k*b%8 bits below it: as a number W of 16 bits, it is the
/// highest b bits of W mod 2^(s+b). One product with a constant b x 8 matrix gives W / 2^(s+b) of
/// all 8 codes, exact in float32; what is behind the point, times 2^b, has the code before it:
///
///     Cast(FLOAT), MatMul, Floor, Sub, Mul, Cast(INT32), Reshape, Split
///
/// Tensors of one shape are looked up together, each in its own part of a common table of levels:
///
///     Reshape, Add, Gather(levels), Reshape, Mul(scales), Split
///
/// without Add, Split and the first Reshape for one that is alone. Scales of channels are
/// multiplied as they broadcast; those of groups are spread over them before:
///
///     Tile, Reshape, Split, Reshape
///
/// without the first Reshape and Split where the last group is not short. BitShift and BitwiseAnd
/// would do the same with opset 18 only, and words of 32 bits waste 2 of them for 3, 5 and 6 bits.
class OnnxExpander {
 public:
  /// `taken` are the names in use.
  OnnxExpander(std::uint64_t opset, std::unordered_set<std::string> taken, OnnxData& data)
      : nodes_(opset, std::move(taken), data) {}

  void add(OnnxWeights&& weights);
  /// The nodes of all tensors added, and what they start from.
  OnnxNodes& finish();
  /// The tensors by their index, in the order that the nodes make them.
  [[nodiscard]] const std::vector<std::size_t>& order() const { return order_; }

 private:
  /// Tensors of one shape.
  struct Stack {
    std::vector<OnnxWeights> tensors;
    std::string scales;  ///< Name of the value, where they have scales.
  };

  /// Tensors whose codes are unpacked together.
  struct Group {
    int bits = 0;
    std::uint64_t codes = 0;
    std::vector<Stack> stacks;
  };

  /// Scales of several stacks, end to end along an axis.
  struct Pool {
    std::uint64_t axis = 0;
    std::vector<std::uint64_t> shape;
    ByteRope data;
    std::vector<std::uint64_t> sizes;
    std::vector<Stack*> stacks;
  };

  Group& group_for(const OnnxWeights& weights);
  void pool_scales();
  void expand_pool(Pool& pool);
  void expand_group(Group& group);
  std::string unpack(Group& group);
  /// Cuts the codes of a group; a name for each stack.
  std::vector<std::string> share_out(const Group& group, const std::string& codes);
  void expand_stack(Stack& stack, std::string indices);
  std::string look_up(Stack& stack, std::string indices);
  /// Scales in a shape that broadcasts to that of the stack.
  std::string scales_for(const Stack& stack);

  OnnxNodes nodes_;
  std::vector<Group> groups_;
  std::map<int, std::size_t> open_;  ///< Group for more tensors of so many bits.
  std::vector<std::size_t> order_;
};

/// The shape of the scales of a tensor of that shape.
std::vector<std::uint64_t> onnx_scales_shape(const std::vector<std::uint64_t>& shape,
                                             const CellPlan& cells);

/// Codes in rows of so many bytes as they have bits, see OnnxExpander.
inline constexpr std::uint64_t kOnnxRow = 8;
/// The bits whose codes are bytes.
inline constexpr int kOnnxByteBits = 8;

/// The constant matrix of OnnxExpander, in C order.
std::vector<float> onnx_unpack_matrix(int bits);

}  // namespace wquant
