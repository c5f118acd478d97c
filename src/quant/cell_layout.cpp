#include "quant/cell_layout.h"

#include <algorithm>

#include "quant/channel_layout.h"

namespace wquant {
namespace {

CellPlan without(std::string reason) {
  CellPlan plan;
  plan.reason = std::move(reason);
  return plan;
}

CellPlan plan_groups(const TensorInfo& info, std::uint64_t size) {
  const std::uint64_t run = std::min(size, info.count());
  return {Granularity::kGroup, run, (info.count() + run - 1) / run, 0, {}};
}

/// Channels that are not rows are interrupted by the others after as many weights as their stride.
CellPlan plan_channels(const ModelReader& model, std::size_t index,
                       const TensorSettings& settings) {
  const std::vector<std::uint64_t>& shape = model.tensors()[index].shape;
  if (shape.size() < 2) return without("less than 2 dimensions");
  const std::optional<OutputAxis> output = output_axis(model, index, settings);
  if (!output) return without("unknown axis of the output channels");
  const ChannelLayout layout = channel_layout(shape, *output);
  if (layout.width() == 1) return without("output channels of one weight");
  return {Granularity::kChannel, layout.channel_stride, layout.channels, output->axis, {}};
}

}  // namespace

CellPlan plan_cells(const ModelReader& model, std::size_t index, const TensorSettings& settings) {
  switch (settings.granularity) {
    case Granularity::kChannel:
      return plan_channels(model, index, settings);
    case Granularity::kGroup:
      return plan_groups(model.tensors()[index], settings.group_size);
    case Granularity::kTensor:
      break;
  }
  return {};
}

}  // namespace wquant
