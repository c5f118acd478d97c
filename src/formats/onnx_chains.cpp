#include "formats/onnx_chains.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "formats/onnx_expand.h"
#include "formats/onnx_node.h"
#include "formats/onnx_proto.h"
#include "formats/quantized_file_parts.h"
#include "formats/wire.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using Extents = std::vector<std::uint64_t>;

[[noreturn]] void fail(const std::string& name) {
  throw Error("the nodes that make it are not as quantize wrote them",
              "use the file that quantize wrote")
      .at_tensor(name);
}

/// Elements of a tensor of the file.
struct Range {
  const OnnxTensor* tensor = nullptr;
  std::uint64_t whole = 0;  ///< Of the tensor.
  std::uint64_t first = 0, count = 0;
};

bool fits(const Range& range) {
  return range.first <= range.whole && range.count <= range.whole - range.first;
}

/// What a value of the graph is.
struct Value {
  enum class Kind : std::uint8_t { kCodes, kScales, kWeights };
  Kind kind = Kind::kCodes;
  Range codes, levels, scales;  ///< Codes are counted one by one, not by their bytes.
  int bits = 0;
  std::uint64_t run = 0;        ///< Of scales that are spread over groups.
  Extents shape, scales_shape;  ///< Of weights; of their scales, or scales.
  Dtype dtype = Dtype::kF32;
};

std::uint64_t product(const Extents& shape) { return checked_count(shape, size_of(Dtype::kF64)); }

class Follower {
 public:
  Follower(const OnnxFile& file, std::size_t nodes) : file_(file) {
    for (const OnnxTensor& tensor : file.tensors()) tensors_.emplace(tensor.info.name, &tensor);
    WireReader reader(file.bytes());
    for (WireField field; reader.next(field);) {
      if (field.number != OnnxModelField::kGraph) continue;
      for (const OnnxNode& node : first_onnx_nodes(wire_message(field), nodes)) follow(node);
    }
  }

  [[nodiscard]] OnnxChains found() const {
    OnnxChains found;
    for (const std::string& name : order_) {
      const Value& value = values_.at(name);
      if (value.kind != Kind::kWeights || used_.contains(name)) continue;
      found.chains.push_back(chain_of(name, value));
    }
    for (std::size_t i = 0; i < file_.tensors().size(); ++i) {
      if (!used_.contains(file_.tensors()[i].info.name)) found.kept.push_back(i);
    }
    return found;
  }

 private:
  using Kind = Value::Kind;
  using Rule = Value (Follower::*)(const OnnxNode&) const;

  void follow(const OnnxNode& node) {
    static const std::map<std::string_view, Rule> kRules = {
        {"Add", &Follower::codes},       {"Cast", &Follower::cast},    {"Floor", &Follower::codes},
        {"Gather", &Follower::gather},   {"MatMul", &Follower::codes}, {"Mul", &Follower::multiply},
        {"Reshape", &Follower::reshape}, {"Sub", &Follower::codes},    {"Tile", &Follower::tile},
    };
    if (node.outputs.empty() || node.inputs.empty()) fail(node.op);
    if (node.op == "Split") {
      split(node);
    } else {
      const auto rule = kRules.find(node.op);
      if (rule == kRules.end()) fail(node.outputs.front());
      add(node.outputs.front(), (this->*rule->second)(node));
    }
    used_.insert(node.inputs.begin(), node.inputs.end());
  }

  void add(const std::string& name, Value&& value) {
    if (tensors_.contains(name) || !values_.emplace(name, std::move(value)).second) fail(name);
    order_.push_back(name);
  }

  /// An input that nodes made.
  [[nodiscard]] const Value& input(const OnnxNode& node, std::size_t index) const {
    if (index >= node.inputs.size()) fail(node.outputs.front());
    const auto value = values_.find(node.inputs[index]);
    if (value == values_.end()) fail(node.outputs.front());
    return value->second;
  }

  [[nodiscard]] const Value& input(const OnnxNode& node, std::size_t index, Kind kind) const {
    const Value& value = input(node, index);
    if (value.kind != kind) fail(node.outputs.front());
    return value;
  }

  /// An input that the file holds.
  [[nodiscard]] const OnnxTensor& stored(const OnnxNode& node, std::size_t index) const {
    if (index >= node.inputs.size()) fail(node.outputs.front());
    const auto tensor = tensors_.find(node.inputs[index]);
    if (tensor == tensors_.end()) fail(node.outputs.front());
    return *tensor->second;
  }

  /// The elements of such an input.
  [[nodiscard]] Extents numbers(const OnnxNode& node, std::size_t index) const {
    const OnnxTensor& list = stored(node, index);
    if (list.info.dtype != Dtype::kI64) fail(node.outputs.front());
    Extents values(list.info.count());
    if (!values.empty()) std::memcpy(values.data(), list.data.data(), list.data.size());
    return values;
  }

  [[nodiscard]] Value codes(const OnnxNode& node) const { return input(node, 0, Kind::kCodes); }

  [[nodiscard]] Value cast(const OnnxNode& node) const {
    if (!values_.contains(node.inputs.front())) return begin(node);
    Value value = input(node, 0);
    if (value.kind != Kind::kWeights) return value;
    const std::optional<Dtype> dtype = dtype_from_onnx(node.number);
    if (!dtype || !is_quantizable(*dtype)) fail(node.outputs.front());
    value.dtype = *dtype;
    return value;
  }

  /// Codes or scales as they are stored.
  [[nodiscard]] Value begin(const OnnxNode& node) const {
    const OnnxTensor& tensor = stored(node, 0);
    const Extents& shape = tensor.info.shape;
    const std::uint64_t count = tensor.info.count();
    Value value;
    if (tensor.info.dtype == Dtype::kF16) {
      value.kind = Kind::kScales;
      value.scales = {&tensor, count, 0, count};
      value.scales_shape = shape;
      return value;
    }
    const bool has_rows = shape.size() == 2;
    const std::uint64_t bits = has_rows ? shape.back() : kOnnxByteBits;
    if (tensor.info.dtype != Dtype::kU8 || bits == 0 || bits > kOnnxByteBits) {
      fail(node.outputs.front());
    }
    value.bits = static_cast<int>(bits);
    const std::uint64_t codes = has_rows ? shape.front() * kOnnxRow : count;
    value.codes = {&tensor, codes, 0, codes};
    return value;
  }

  [[nodiscard]] Value gather(const OnnxNode& node) const {
    Value value = input(node, 1, Kind::kCodes);
    value.kind = Kind::kWeights;
    const OnnxTensor& levels = stored(node, 0);
    value.levels = {&levels, levels.info.count(), 0, std::uint64_t{1} << value.bits};
    return value;
  }

  [[nodiscard]] Value reshape(const OnnxNode& node) const {
    Value value = input(node, 0);
    if (value.kind == Kind::kWeights) value.shape = numbers(node, 1);
    return value;
  }

  [[nodiscard]] Value tile(const OnnxNode& node) const {
    Value value = input(node, 0, Kind::kScales);
    const Extents repeats = numbers(node, 1);
    value.run = repeats.empty() ? 0 : repeats.back();
    return value;
  }

  [[nodiscard]] Value multiply(const OnnxNode& node) const {
    Value value = input(node, 0);
    if (value.kind == Kind::kCodes) return value;
    const Value& scales = input(node, 1, Kind::kScales);
    value.scales = scales.scales;
    value.scales_shape = scales.scales_shape;
    value.run = scales.run;
    return value;
  }

  void split(const OnnxNode& node) {
    Value part = input(node, 0);
    const Extents sizes = node.inputs.size() == 2 ? numbers(node, 1) : node.numbers;
    if (sizes.size() != node.outputs.size()) fail(node.outputs.front());
    if (part.kind == Kind::kWeights) share_out(node, part);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      if (part.kind == Kind::kCodes) part.codes.count = sizes[i];
      if (part.kind == Kind::kScales && part.run == 0) cut_scales(node, sizes[i], part);
      add(node.outputs[i], Value(part));
      for (Range* range : {&part.codes, &part.levels, &part.scales}) range->first += range->count;
    }
  }

  /// Makes of tensors that lie one after the other the first of them.
  static void share_out(const OnnxNode& node, Value& value) {
    const std::size_t tensors = node.outputs.size();
    if (value.shape.empty()) fail(node.outputs.front());
    value.shape.front() /= tensors;
    value.codes.count /= tensors;
    value.scales.count /= tensors;
    if (!value.scales_shape.empty()) value.scales_shape.front() /= tensors;
  }

  static void cut_scales(const OnnxNode& node, std::uint64_t size, Value& value) {
    if (node.number >= value.scales_shape.size()) fail(node.outputs.front());
    value.scales_shape[node.number] = size;
    value.scales.count = product(value.scales_shape);
  }

  [[nodiscard]] static OnnxChain chain_of(const std::string& name, const Value& value) {
    OnnxChain chain;
    chain.info = {name, value.shape, value.dtype};
    chain.bits = value.bits;
    chain.cells = cells_of(value);
    check(chain, value);
    const auto bits = static_cast<std::uint64_t>(value.bits);
    chain.codes = value.codes.tensor->data.subspan(value.codes.first * bits / kOnnxByteBits,
                                                   packed_size(value.codes.count, value.bits));
    chain.codes_file = value.codes.tensor->file;
    chain.levels = elements(value.levels, sizeof(float));
    if (chain.cells.has_scales()) chain.scales = elements(value.scales, size_of(Dtype::kF16));
    return chain;
  }

  static std::span<const std::byte> elements(const Range& range, std::size_t size) {
    return range.tensor->data.subspan(range.first * size, range.count * size);
  }

  static CellPlan cells_of(const Value& value) {
    CellPlan cells;
    if (value.scales.tensor == nullptr) return cells;
    cells.cells = value.scales.count;
    cells.granularity = value.run == 0 ? Granularity::kChannel : Granularity::kGroup;
    cells.run = value.run;
    if (value.run != 0) return cells;
    std::size_t axis = value.scales_shape.size();
    while (axis > 0 && value.scales_shape[axis - 1] == 1) --axis;
    cells.axis = axis == 0 ? 0 : axis - 1;
    cells.run = 1;
    for (std::size_t i = axis; i < value.shape.size(); ++i) {
      cells.run *= std::max<std::uint64_t>(value.shape[i], 1);
    }
    return cells;
  }

  static void check(const OnnxChain& chain, const Value& value) {
    const std::uint64_t count = product(value.shape);
    const bool has_codes = count == value.codes.count && fits(value.codes) &&
                           (value.codes.first % kOnnxRow == 0 || value.bits == kOnnxByteBits);
    const bool has_levels = value.levels.tensor->info.dtype == Dtype::kF32 && fits(value.levels);
    const bool has_cells = !chain.cells.has_scales() ||
                           (fits(value.scales) && divides(chain.cells, count) &&
                            value.scales_shape == onnx_scales_shape(value.shape, chain.cells));
    if (!has_codes || !has_levels || !has_cells) fail(chain.info.name);
  }

  const OnnxFile& file_;
  std::unordered_map<std::string, const OnnxTensor*> tensors_;
  std::unordered_map<std::string, Value> values_;
  std::vector<std::string> order_;        ///< Of the values.
  std::unordered_set<std::string> used_;  ///< What nodes read.
};

}  // namespace

OnnxChains find_onnx_chains(const OnnxFile& file, std::size_t nodes) {
  return Follower(file, nodes).found();
}

}  // namespace wquant
