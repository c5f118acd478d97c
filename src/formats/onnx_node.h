#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace wquant {

/// A NodeProto as far as the nodes of OnnxExpander need it.
struct OnnxNode {
  std::string op;
  std::vector<std::string> inputs, outputs;
  std::uint64_t number = 0;            ///< Of its attribute, `axis` or `to`.
  std::vector<std::uint64_t> numbers;  ///< Of its attribute `split`.
};

/// The first nodes of a GraphProto, at most so many.
std::vector<OnnxNode> first_onnx_nodes(std::span<const std::byte> graph, std::size_t most);

}  // namespace wquant
