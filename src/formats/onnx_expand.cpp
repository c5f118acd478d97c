#include "formats/onnx_expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "formats/onnx_proto.h"
#include "formats/onnx_tensor.h"

namespace wquant {
namespace {

/// Codes that are unpacked together, unless one tensor has more: a runtime makes floats of them.
constexpr std::uint64_t kMostCodes = std::uint64_t{1} << 20;
constexpr std::uint64_t kRest = ~std::uint64_t{0};  ///< -1 in a shape: as many as there are.

std::uint64_t rows_of(std::uint64_t count) { return (count + kOnnxRow - 1) / kOnnxRow; }

/// Codes that fill up the last row of a tensor.
std::uint64_t filling(const OnnxWeights& weights) {
  if (weights.bits == kOnnxByteBits) return 0;
  return rows_of(weights.info.count()) * kOnnxRow - weights.info.count();
}

/// Whether the scales of tensors that lie one after the other along their first axis can do so,
/// too.
bool stacks_scales(const OnnxWeights& weights) {
  const CellPlan& cells = weights.cells;
  if (!cells.has_scales()) return true;
  if (cells.granularity == Granularity::kGroup) {
    return cells.cells * cells.run == weights.info.count();
  }
  const auto& shape = weights.info.shape;
  return onnx_scales_shape(shape, cells).front() == shape.front();
}

/// Whether a tensor can be expanded together with others like it.
bool can_stack(const OnnxWeights& weights) {
  return weights.info.dtype == Dtype::kF32 && !weights.info.shape.empty() &&
         filling(weights) == 0 && stacks_scales(weights);
}

bool is_alike(const OnnxWeights& a, const OnnxWeights& b) {
  return a.info.shape == b.info.shape && a.info.dtype == b.info.dtype && a.cells == b.cells;
}

/// `shape` of so many tensors, one after the other along the first axis.
std::vector<std::uint64_t> stacked(std::vector<std::uint64_t> shape, std::size_t tensors) {
  if (tensors > 1) shape.front() *= tensors;
  return shape;
}

}  // namespace

std::vector<float> onnx_unpack_matrix(int bits) {
  const auto width = static_cast<std::size_t>(bits);
  std::vector<float> matrix(width * kOnnxRow);
  for (std::size_t code = 0; code < kOnnxRow; ++code) {
    const int below = static_cast<int>(code) * bits % kOnnxByteBits;
    const int bytes = below + bits > kOnnxByteBits ? 2 : 1;
    for (int i = 0; i < bytes; ++i) {
      const std::size_t byte = code * width / kOnnxByteBits + static_cast<std::size_t>(i);
      matrix[byte * kOnnxRow + code] = std::ldexp(1.0F, kOnnxByteBits * i - below - bits);
    }
  }
  return matrix;
}

std::vector<std::uint64_t> onnx_scales_shape(const std::vector<std::uint64_t>& shape,
                                             const CellPlan& cells) {
  if (cells.granularity == Granularity::kGroup) return {cells.cells, 1};
  std::vector<std::uint64_t> extents(shape.size(), 1);
  std::uint64_t inside = 1;
  std::size_t axis = shape.size();
  while (axis > 0 && inside < cells.run) inside *= shape[--axis];
  std::uint64_t left = cells.cells;
  while (axis > 0 && left > 1) {
    --axis;
    extents[axis] = shape[axis];
    left /= shape[axis];
  }
  return extents;
}

OnnxExpander::Group& OnnxExpander::group_for(const OnnxWeights& weights) {
  const auto open = open_.find(weights.bits);
  const std::uint64_t count = weights.info.count();
  if (open == open_.end() || groups_[open->second].codes + count > kMostCodes) {
    open_[weights.bits] = groups_.size();
    groups_.push_back({weights.bits, 0, {}});
  }
  Group& group = groups_[open_[weights.bits]];
  group.codes += count;
  return group;
}

void OnnxExpander::add(OnnxWeights&& weights) {
  std::vector<Stack>& stacks = group_for(weights).stacks;
  const auto stack = std::find_if(stacks.begin(), stacks.end(), [&](const Stack& one) {
    return can_stack(weights) && is_alike(one.tensors.front(), weights);
  });
  Stack& own = stack == stacks.end() ? stacks.emplace_back() : *stack;
  own.tensors.push_back(std::move(weights));
}

OnnxNodes& OnnxExpander::finish() {
  pool_scales();
  for (Group& group : groups_) expand_group(group);
  return nodes_;
}

void OnnxExpander::pool_scales() {
  std::map<std::vector<std::uint64_t>, Pool> pools;
  for (Group& group : groups_) {
    for (Stack& stack : group.stacks) {
      const OnnxWeights& first = stack.tensors.front();
      if (!first.cells.has_scales()) continue;
      std::vector<std::uint64_t> shape =
          stacked(onnx_scales_shape(first.info.shape, first.cells), stack.tensors.size());
      const auto longest = std::find_if(shape.begin(), shape.end(), [](auto n) { return n != 1; });
      const std::uint64_t axis =
          longest == shape.end() ? 0 : static_cast<std::uint64_t>(longest - shape.begin());
      const std::uint64_t size = shape.empty() ? 1 : std::exchange(shape[axis], 0);
      Pool& pool = pools[shape];
      pool.axis = axis;
      pool.shape = shape;
      pool.sizes.push_back(size);
      pool.stacks.push_back(&stack);
      for (OnnxWeights& weights : stack.tensors) pool.data.add_rope(std::move(weights.scales));
    }
  }
  for (auto& [shape, pool] : pools) expand_pool(pool);
}

void OnnxExpander::expand_pool(Pool& pool) {
  for (const std::uint64_t size : pool.sizes) {
    if (!pool.shape.empty()) pool.shape[pool.axis] += size;
  }
  const std::string scales = nodes_.cast(
      nodes_.initializer(OnnxType::kFloat16, pool.shape, std::move(pool.data)), OnnxType::kFloat);
  std::vector<std::string> parts;
  for (Stack* stack : pool.stacks) {
    stack->scales = pool.stacks.size() == 1 ? scales : nodes_.fresh();
    parts.push_back(stack->scales);
  }
  if (parts.size() > 1) nodes_.split(scales, pool.axis, pool.sizes, parts);
}

std::string OnnxExpander::unpack(Group& group) {
  const auto bits = static_cast<std::uint64_t>(group.bits);
  ByteRope codes;
  for (Stack& stack : group.stacks) {
    for (OnnxWeights& weights : stack.tensors) {
      const std::uint64_t size = weights.codes.size();
      codes.add_rope(std::move(weights.codes));
      if (group.bits == kOnnxByteBits) continue;
      codes.add_text(std::string(rows_of(weights.info.count()) * bits - size, '\0'));
    }
  }
  std::vector<std::uint64_t> shape = {codes.size()};
  if (group.bits != kOnnxByteBits) shape = {codes.size() / bits, bits};
  const std::string packed = nodes_.initializer(OnnxType::kUint8, shape, std::move(codes),
                                                fmt::format("wquant.codes{}", bits));
  if (group.bits == kOnnxByteBits) return nodes_.cast(packed, OnnxType::kInt32);
  const std::string matrix =
      nodes_.floats(std::array<std::uint64_t, 2>{bits, kOnnxRow}, onnx_unpack_matrix(group.bits));
  const std::string levels = nodes_.floats({}, std::array{std::ldexp(1.0F, group.bits)});
  const std::string all = nodes_.node("MatMul", {nodes_.cast(packed, OnnxType::kFloat), matrix});
  const std::string behind = nodes_.node("Sub", {all, nodes_.node("Floor", {all})});
  const std::string rows = nodes_.cast(nodes_.node("Mul", {behind, levels}), OnnxType::kInt32);
  return nodes_.node("Reshape", {rows, nodes_.integers({kRest})});
}

std::vector<std::string> OnnxExpander::share_out(const Group& group, const std::string& codes) {
  std::vector<std::uint64_t> sizes;
  std::vector<std::string> parts, outputs;
  for (const Stack& stack : group.stacks) {
    const OnnxWeights& first = stack.tensors.front();
    parts.push_back(nodes_.fresh());
    outputs.push_back(parts.back());
    sizes.push_back(first.info.count() * stack.tensors.size());
    if (filling(first) == 0) continue;
    outputs.push_back(nodes_.fresh());
    sizes.push_back(filling(first));
  }
  if (sizes.size() == 1) return {codes};
  nodes_.split(codes, 0, sizes, outputs);
  return parts;
}

void OnnxExpander::expand_group(Group& group) {
  const std::vector<std::string> parts = share_out(group, unpack(group));
  for (std::size_t i = 0; i < parts.size(); ++i) expand_stack(group.stacks[i], parts[i]);
}

std::string OnnxExpander::look_up(Stack& stack, std::string indices) {
  const OnnxWeights& first = stack.tensors.front();
  const std::uint64_t levels = std::uint64_t{1} << first.bits;
  const std::size_t tensors = stack.tensors.size();
  if (tensors > 1) {
    std::vector<std::uint64_t> begins;
    for (std::size_t i = 0; i < tensors; ++i) begins.push_back(i * levels);
    indices = nodes_.node("Reshape", {indices, nodes_.integers({tensors, first.info.count()})});
    indices = nodes_.node("Add", {indices, nodes_.column(begins)});
  }
  ByteRope table;
  for (OnnxWeights& weights : stack.tensors) table.add_rope(std::move(weights.levels));
  const std::array<std::uint64_t, 1> shape = {tensors * levels};
  return nodes_.node("Gather",
                     {nodes_.initializer(OnnxType::kFloat, shape, std::move(table)), indices});
}

std::string OnnxExpander::scales_for(const Stack& stack) {
  const OnnxWeights& first = stack.tensors.front();
  const CellPlan& cells = first.cells;
  if (cells.granularity == Granularity::kChannel) return stack.scales;
  const std::uint64_t count = first.info.count();
  std::string values = nodes_.node("Tile", {stack.scales, nodes_.integers({1, cells.run})});
  if (cells.cells * cells.run != count) {
    const std::string flat = nodes_.node("Reshape", {values, nodes_.integers({kRest})});
    values = nodes_.fresh();
    nodes_.split(flat, 0, {count, cells.cells * cells.run - count}, {values, nodes_.fresh()});
  }
  return nodes_.node("Reshape",
                     {values, nodes_.integers(stacked(first.info.shape, stack.tensors.size()))});
}

void OnnxExpander::expand_stack(Stack& stack, std::string indices) {
  const TensorInfo& info = stack.tensors.front().info;
  const bool has_scales = stack.tensors.front().cells.has_scales();
  const std::size_t tensors = stack.tensors.size();
  const bool is_cast = info.dtype != Dtype::kF32;
  const bool is_whole = tensors == 1 && !is_cast;  // The last node but those two makes it.
  const auto name_if = [&](bool is_last) { return is_last ? info.name : std::string(); };

  std::string values = look_up(stack, std::move(indices));
  values = nodes_.node("Reshape", {values, nodes_.integers(stacked(info.shape, tensors))},
                       name_if(is_whole && !has_scales));
  if (has_scales) values = nodes_.node("Mul", {values, scales_for(stack)}, name_if(is_whole));
  if (is_cast) nodes_.cast(values, onnx_type(info.dtype), info.name);
  std::vector<std::string> names;
  for (const OnnxWeights& weights : stack.tensors) {
    names.push_back(weights.info.name);
    order_.push_back(weights.index);
  }
  if (tensors > 1) {
    nodes_.split(values, 0, std::vector<std::uint64_t>(tensors, info.shape.front()), names);
  }
}

}  // namespace wquant
