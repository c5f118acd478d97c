#pragma once

#include <optional>

#include "wquant/balance.h"
#include "wquant/model.h"

namespace wquant {

/// Weights that are balanced at a time: 64 MiB as float32.
inline constexpr std::uint64_t kMostBalanced = std::uint64_t{1} << 24;

/// The weights of a piece of a tensor that can be balanced for itself: whole channels, where they
/// are rows, whose codes fill whole bytes; else the whole tensor.
std::uint64_t piece_weights(const ChannelLayout& layout);

/// Where a tensor of that shape, of 2 or more dimensions, has its output channels. Throws Error
/// (usage) for an axis that it does not have or that cannot be one of channels.
ChannelLayout channel_layout(const std::vector<std::uint64_t>& shape, const OutputAxis& output);

/// The output channels of tensor `index`: as the settings have them, else as the file has them;
/// nothing where neither says.
std::optional<OutputAxis> output_axis(const ModelReader& model, std::size_t index,
                                      const TensorSettings& settings);

/// How tensor `index`, which is to be quantized by the settings, is balanced. Throws Error (usage).
BalancePlan plan_balance(const ModelReader& model, std::size_t index,
                         const TensorSettings& settings);

}  // namespace wquant
