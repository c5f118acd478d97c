#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "wquant/settings.h"

namespace wquant {

/// Where a tensor has the weights of its output channels: that of a channel, input and position of
/// a kernel is element channel * channel_stride + input * input_stride + position *
/// position_stride. Without a spatial part there is one position. Its functions throw nothing.
struct ChannelLayout {
  std::uint64_t channels = 0, inputs = 0, positions = 0;
  std::uint64_t channel_stride = 0, input_stride = 0, position_stride = 0;

  /// Weights of a channel.
  [[nodiscard]] std::uint64_t width() const { return inputs * positions; }
  /// True when the channels are rows one after the other, position by position.
  [[nodiscard]] bool has_rows() const {
    return channel_stride == width() && (inputs == 1 || input_stride == positions) &&
           (positions == 1 || position_stride == 1);
  }

  bool operator==(const ChannelLayout&) const = default;
};

/// Which error sums of a tensor are balanced.
struct BalancePlan {
  /// kChannel: of every output channel; kKernel: before that of every kernel; kOff: none.
  Balance sets = Balance::kOff;
  std::size_t axis = 0;  ///< Of the output channels.
  std::string reason;    ///< Why none is, where that was not asked for.
  ChannelLayout layout;
};

/// What balancing did to a tensor.
struct BalanceFigures {
  std::uint64_t moved = 0;  ///< Weights whose code it changed.
  double rho_before = 0;    ///< Correlation with nearest-level codes.
  /// Largest |sum of level - weight| of an output channel, before and after.
  double largest_sum_before = 0, largest_sum_after = 0;
};

}  // namespace wquant
