#include "quant/balanced_pieces.h"

#include <algorithm>
#include <vector>

#include "quant/channel_layout.h"
#include "quant/code_statistics.h"
#include "quant/float_slabs.h"
#include "quant/tensor_steps.h"

namespace wquant {
namespace {

/// Channels that are gathered at a time: what lies side by side is one line of the cache.
constexpr std::uint64_t kGathered = 16;

SlabRange piece_range(const PlannedTensor& planned, std::uint64_t piece) {
  const std::uint64_t weights = piece_weights(planned.balance.layout);
  const std::uint64_t first = piece * weights;
  return {first, std::min(weights, planned.info.count() - first)};
}

/// Channels that are rows.
void balance_rows(Balancer& balancer, std::uint64_t width, WeightView weights, std::uint8_t* codes,
                  BalanceTally& tally) {
  for (std::uint64_t first = 0; first < weights.size; first += width) {
    balancer.balance(weights.part(first, width), codes + first, tally);
  }
}

/// Calls f(position in the channel, element of channel 0), in the order of rows.
template <typename F>
void for_each_place(const ChannelLayout& layout, F&& f) {
  std::uint64_t place = 0;
  for (std::uint64_t input = 0; input < layout.inputs; ++input) {
    for (std::uint64_t position = 0; position < layout.positions; ++position) {
      f(place++, input * layout.input_stride + position * layout.position_stride);
    }
  }
}

/// Some channels at a time, copied to rows and back.
void balance_gathered(Balancer& balancer, const ChannelLayout& layout, WeightView weights,
                      std::uint8_t* codes, BalanceTally& tally) {
  const std::uint64_t width = layout.width();
  std::vector<float> row_weights(kGathered * width);
  std::vector<std::uint8_t> row_codes(kGathered * width);
  for (std::uint64_t first = 0; first < layout.channels; first += kGathered) {
    const std::uint64_t channels = std::min(kGathered, layout.channels - first);
    for_each_place(layout, [&](std::uint64_t place, std::uint64_t element) {
      for (std::uint64_t c = 0; c < channels; ++c) {
        const std::uint64_t at = element + (first + c) * layout.channel_stride;
        row_weights[c * width + place] = weights.data[at];
        row_codes[c * width + place] = codes[at];
      }
    });
    balance_rows(balancer, width, {row_weights.data(), channels * width}, row_codes.data(), tally);
    for_each_place(layout, [&](std::uint64_t place, std::uint64_t element) {
      for (std::uint64_t c = 0; c < channels; ++c) {
        codes[element + (first + c) * layout.channel_stride] = row_codes[c * width + place];
      }
    });
  }
}

BalanceTally balance_piece(const PlannedTensor& planned, const Codebook& codebook,
                           WeightView weights, std::uint8_t* codes) {
  const ChannelLayout& layout = planned.balance.layout;
  Balancer balancer(codebook, planned.balance.sets == Balance::kKernel ? layout.positions : 1);
  BalanceTally tally;
  if (layout.has_rows()) {
    balance_rows(balancer, layout.width(), weights, codes, tally);
  } else {
    balance_gathered(balancer, layout, weights, codes, tally);
  }
  return tally;
}

}  // namespace

std::uint64_t balanced_pieces(const PlannedTensor& planned) {
  const std::uint64_t weights = piece_weights(planned.balance.layout);
  return (planned.info.count() + weights - 1) / weights;
}

BalanceTally encode_balanced_piece(const RunState& run, std::size_t index, std::uint64_t piece,
                                   const Encoder& encoder) {
  const PlannedTensor& planned = run.plan.tensors[index];
  const int bits = planned.settings.bits;
  const SlabRange range = piece_range(planned, piece);
  std::vector<float> scratch;
  const WeightView weights = floats_of(run.model, index, range, scratch);
  std::vector<std::uint8_t> codes(range.count);
  encoder.find_codes(weights, codes.data());
  BalanceTally tally = balance_piece(planned, run.reports[index].codebook, weights, codes.data());
  release(run.model, index, range);
  std::vector<std::uint8_t> packed(packed_size(range.count, bits));
  kernels().pack(codes.data(), codes.size(), bits, packed.data());
  run.sink.write(index, Part::kCodes, packed_size(range.first, bits),
                 std::as_bytes(std::span(packed)));
  run.meter.add(range.count * size_of(planned.info.dtype));
  return tally;
}

void report_balance(const RunState& run, std::size_t index, const Distribution& weights,
                    std::span<const BalanceTally> tallies) {
  TensorReport& report = run.reports[index];
  BalanceTally all;
  for (const BalanceTally& tally : tallies) all.add(tally);
  report.balance_figures = {all.moved, report.codebook.rho, all.largest_sum_before,
                            all.largest_sum_after};
  if (all.moved == 0) return;
  std::vector<CodeShare> shares = code_shares(weights, report.codebook.thresholds);
  for (std::size_t code = 0; code < shares.size(); ++code) {
    shares[code].count += all.gained[code].count;
    shares[code].sum += all.gained[code].sum;
  }
  const ShareStatistics statistics = share_statistics(weights, report.codebook, shares);
  fill_squared_error(report, weights, statistics.squared_error);
  report.codebook.rho = weights.variance() > 0 ? statistics.rho : 1;
  report.entropy = statistics.entropy;
  report.max_error = all.max_error;
}

void encode_balanced(const RunState& run, std::size_t index, const Encoder& encoder,
                     const Distribution& weights) {
  std::vector<BalanceTally> tallies;
  for (std::uint64_t piece = 0; piece < balanced_pieces(run.plan.tensors[index]); ++piece) {
    tallies.push_back(encode_balanced_piece(run, index, piece, encoder));
  }
  report_balance(run, index, weights, tallies);
}

}  // namespace wquant
