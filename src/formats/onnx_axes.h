#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wquant {

/// What a graph's tensors are for, by the operators that read them: the axes of output channels of
/// weights.
class OnnxAxes {
 public:
  /// Takes note of what a NodeProto reads.
  void add_node(std::span<const std::byte> node);
  /// Of a tensor of 2 or more dimensions; nothing when no operator tells it, or two disagree.
  [[nodiscard]] std::optional<std::size_t> of(const std::string& tensor, std::size_t rank) const;
  /// True when all that read the tensor calculate element by element: a mean to subtract, a scale.
  [[nodiscard]] bool is_operand(const std::string& tensor) const;

 private:
  /// How a tensor is read.
  struct Use {
    std::size_t axis = 0;
    std::size_t most_axes = 0;  ///< Of more it is not known; 0 where two operators disagree.
  };

  std::map<std::string, Use, std::less<>> uses_;
  std::map<std::string, bool, std::less<>> operands_;  // Whether all uses are such.
};

}  // namespace wquant
