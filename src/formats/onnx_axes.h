#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wquant {

/// The axes of output channels of a graph's weights, by the operators that read them.
class OnnxAxes {
 public:
  /// Takes note of what a NodeProto reads.
  void add_node(std::span<const std::byte> node);
  /// Of a tensor of 2 or more dimensions; nothing when no operator tells it, or two disagree.
  [[nodiscard]] std::optional<std::size_t> of(const std::string& tensor, std::size_t rank) const;

 private:
  /// How a tensor is read.
  struct Use {
    std::size_t axis = 0;
    std::size_t most_axes = 0;  ///< Of more it is not known; 0 where two operators disagree.
  };

  std::map<std::string, Use, std::less<>> uses_;
};

}  // namespace wquant
