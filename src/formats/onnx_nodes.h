#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "formats/byte_rope.h"
#include "formats/onnx_data.h"
#include "formats/wire.h"

namespace wquant {

/// Nodes and initializers that are added to a graph. Every name costs bytes wherever it is used, so
/// those of values are short, and equal lists of integers are stored once.
class OnnxNodes {
 public:
  /// `taken` are the names in use, to which the new ones are added.
  OnnxNodes(std::uint64_t opset, std::unordered_set<std::string> taken, OnnxData& data);

  /// A name that no value has; `name` itself where that is free, else with `_` after it.
  std::string fresh(std::string_view name);
  /// One for a value that nobody looks for.
  std::string fresh();

  /// Adds an initializer; returns its name, a short one where none is given.
  std::string initializer(std::uint64_t type, std::span<const std::uint64_t> shape, ByteRope&& data,
                          std::string name = {});
  /// The same of FLOAT elements.
  std::string floats(std::span<const std::uint64_t> shape, std::span<const float> values,
                     std::string name = {});
  /// An initializer of these INT64 numbers, one for all that want the same.
  const std::string& integers(const std::vector<std::uint64_t>& values);
  /// One of INT32 numbers, as a column `[size, 1]`.
  const std::string& column(const std::vector<std::uint64_t>& values);

  /// Adds a node of one output; returns its name, a short one where none is given.
  std::string node(std::string_view op, const std::vector<std::string>& inputs,
                   std::string output = {}, const std::vector<WireMessage>& attributes = {});
  std::string cast(const std::string& input, std::uint64_t type, std::string output = {});
  /// Cuts a tensor along an axis into outputs of these sizes.
  void split(const std::string& input, std::uint64_t axis, const std::vector<std::uint64_t>& sizes,
             const std::vector<std::string>& outputs);

  /// Fields of a GraphProto.
  ByteRope take_initializers() { return std::exchange(initializers_, {}); }
  ByteRope take_nodes() { return std::exchange(nodes_, {}); }
  /// Names, types and shapes of the initializers, as fields of a GraphProto: until IR 4 each has
  /// to be an input, too.
  [[nodiscard]] const std::string& inputs() const { return inputs_; }
  /// Nodes added so far.
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  using Numbers = std::pair<std::uint64_t, std::vector<std::uint64_t>>;  // Their type and they.

  std::string declare(std::uint64_t type, std::span<const std::uint64_t> shape, std::string name);
  const std::string& numbers(std::uint64_t type, std::uint32_t field,
                             std::span<const std::uint64_t> shape,
                             const std::vector<std::uint64_t>& values);
  void add_node(std::string_view op, const std::vector<std::string>& inputs,
                const std::vector<std::string>& outputs,
                const std::vector<WireMessage>& attributes);

  std::uint64_t opset_;
  std::unordered_set<std::string> taken_;
  OnnxData& data_;
  ByteRope initializers_, nodes_;
  std::string inputs_;
  std::map<Numbers, std::string> numbers_;
  std::size_t values_ = 0, count_ = 0;
};

}  // namespace wquant
