#include "quant/channel_layout.h"

#include <fmt/format.h>

#include <functional>
#include <numeric>
#include <span>

#include "quant/key_table.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using Shape = std::span<const std::uint64_t>;

std::uint64_t product(Shape shape) {
  return std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies());
}

/// [channels, inputs, positions...], or the first two the other way round.
ChannelLayout channels_first(Shape shape, std::size_t axis) {
  const std::uint64_t positions = product(shape.subspan(2));
  const std::uint64_t row = shape[1] * positions;
  return axis == 0 ? ChannelLayout{shape[0], shape[1], positions, row, positions, 1}
                   : ChannelLayout{shape[1], shape[0], positions, positions, row, 1};
}

/// [positions..., inputs, channels], or the last two the other way round.
ChannelLayout channels_last(Shape shape, const OutputAxis& output) {
  const std::size_t last = shape.size() - 1;
  const std::uint64_t positions = product(shape.first(last - 1));
  const std::uint64_t inner = shape[last];
  const std::uint64_t row = shape[last - 1] * inner;
  if (output.axis == last) return {inner, shape[last - 1], positions, 1, inner, row};
  if (output.multiplied) return {row, 1, positions, 1, 1, row};
  return {shape[last - 1], inner, positions, inner, 1, row};
}

[[noreturn]] void fail_axis(std::size_t axis, std::string_view why) {
  throw Error(fmt::format("axis {} {}", axis, why),
              "give the axis of the output channels, for some tensors with --set",
              ErrorKind::kUsage);
}

/// Why a tensor of that layout is left alone; empty when it is not.
std::string reason_against(const ChannelLayout& layout) {
  if (layout.width() == 1) return "output channels of one weight";
  if (piece_weights(layout) <= kMostBalanced) return {};
  return layout.has_rows() ? "output channels are too large" : "too large with channels inside";
}

}  // namespace

std::uint64_t piece_weights(const ChannelLayout& layout) {
  const std::uint64_t width = layout.width();
  if (!layout.has_rows()) return layout.channels * width;
  const std::uint64_t step = 8 / std::gcd(width, std::uint64_t{8});
  const std::uint64_t rows = (kSlab / width + step) / step * step;
  return std::min(rows, layout.channels) * width;
}

std::optional<OutputAxis> output_axis(const ModelReader& model, std::size_t index,
                                      const TensorSettings& settings) {
  std::optional<OutputAxis> output = model.output_axis(index);
  if (!settings.axis || (output && output->axis == *settings.axis)) return output;
  return OutputAxis{*settings.axis, output && output->positions_first};
}

ChannelLayout channel_layout(const std::vector<std::uint64_t>& shape, const OutputAxis& output) {
  const std::size_t rank = shape.size();
  const std::size_t axis = output.axis;
  if (axis >= rank) fail_axis(axis, fmt::format("is none of {}", shape_text(shape)));
  const bool can_be_first = axis < 2;
  const bool can_be_last = axis + 2 >= rank;
  if (!can_be_first && !can_be_last) fail_axis(axis, "is one of positions");
  const bool last = can_be_last && (output.positions_first || !can_be_first);
  return last ? channels_last(shape, output) : channels_first(shape, axis);
}

BalancePlan plan_balance(const ModelReader& model, std::size_t index,
                         const TensorSettings& settings) {
  BalancePlan plan;
  if (settings.balance == Balance::kOff) return plan;
  const std::vector<std::uint64_t>& shape = model.tensors()[index].shape;
  if (shape.size() < 2) {
    plan.reason = "less than 2 dimensions";
    return plan;
  }
  const std::optional<OutputAxis> output = output_axis(model, index, settings);
  if (!output) {
    plan.reason = "unknown axis of the output channels";
    return plan;
  }
  plan.axis = output->axis;
  plan.layout = channel_layout(shape, *output);
  plan.reason = reason_against(plan.layout);
  if (!plan.reason.empty()) return plan;
  const bool kernels = settings.balance != Balance::kChannel && plan.layout.positions > 1;
  plan.sets = kernels ? Balance::kKernel : Balance::kChannel;
  return plan;
}

}  // namespace wquant
