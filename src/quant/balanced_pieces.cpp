#include "quant/balanced_pieces.h"

#include <algorithm>
#include <vector>

#include "base/cell_walk.h"
#include "quant/channel_layout.h"
#include "quant/code_statistics.h"
#include "quant/float_slabs.h"
#include "quant/tensor_steps.h"

namespace wquant {
namespace {

/// Channels that are gathered at a time: what lies side by side is one line of the cache.
constexpr std::uint64_t kGathered = 16;

/// Scales by weight of a piece that begins at weight `first`; none: all levels as they are.
class WeightScales {
 public:
  WeightScales(const CellPlan& plan, std::span<const float> scales, std::uint64_t first)
      : plan_(plan), scales_(scales), first_(first) {}

  [[nodiscard]] bool none() const { return scales_.empty(); }
  [[nodiscard]] float at(std::uint64_t i) const { return scales_[plan_.cell_of(first_ + i)]; }
  /// Those of a row; null where there are none.
  const float* row(std::uint64_t begin, std::uint64_t width) {
    if (none()) return nullptr;
    row_.resize(width);
    for_each_run(plan_, first_ + begin, width,
                 [&](std::uint64_t cell, std::uint64_t from, std::uint64_t count) {
                   std::fill_n(row_.begin() + static_cast<std::ptrdiff_t>(from), count,
                               scales_[cell]);
                 });
    return row_.data();
  }

 private:
  const CellPlan& plan_;
  std::span<const float> scales_;
  std::uint64_t first_;
  std::vector<float> row_;
};

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
                      const WeightScales& scales, std::uint8_t* codes, BalanceTally& tally) {
  const std::uint64_t width = layout.width();
  std::vector<float> row_weights(kGathered * width);
  std::vector<float> row_scales(scales.none() ? 0 : kGathered * width);
  std::vector<std::uint8_t> row_codes(kGathered * width);
  for (std::uint64_t first = 0; first < layout.channels; first += kGathered) {
    const std::uint64_t channels = std::min(kGathered, layout.channels - first);
    for_each_place(layout, [&](std::uint64_t place, std::uint64_t element) {
      for (std::uint64_t c = 0; c < channels; ++c) {
        const std::uint64_t at = element + (first + c) * layout.channel_stride;
        row_weights[c * width + place] = weights.data[at];
        row_codes[c * width + place] = codes[at];
        if (!scales.none()) row_scales[c * width + place] = scales.at(at);
      }
    });
    for (std::uint64_t row = 0; row < channels * width; row += width) {
      balancer.balance({row_weights.data() + row, width}, row_codes.data() + row,
                       scales.none() ? nullptr : row_scales.data() + row, tally);
    }
    for_each_place(layout, [&](std::uint64_t place, std::uint64_t element) {
      for (std::uint64_t c = 0; c < channels; ++c) {
        codes[element + (first + c) * layout.channel_stride] = row_codes[c * width + place];
      }
    });
  }
}

/// Weights of a piece that are encoded and balanced before the next ones are read: they and their
/// codes stay in the caches.
std::uint64_t weights_at_a_time(const ChannelLayout& layout) {
  const std::uint64_t width = layout.width();
  return layout.has_rows() ? (kBlock + width - 1) / width * width : layout.channels * width;
}

}  // namespace

std::uint64_t balanced_pieces(const PlannedTensor& planned) {
  const std::uint64_t weights = piece_weights(planned.balance.layout);
  return (planned.info.count() + weights - 1) / weights;
}

SlabRange balanced_piece(const PlannedTensor& planned, std::uint64_t piece) {
  const std::uint64_t weights = piece_weights(planned.balance.layout);
  const std::uint64_t first = piece * weights;
  return {first, std::min(weights, planned.info.count() - first)};
}

BalanceTally balance_piece(const PlannedTensor& planned, const Codebook& codebook,
                           std::span<const float> cell_scales, std::uint64_t first,
                           WeightView weights, std::uint8_t* codes) {
  const ChannelLayout& layout = planned.balance.layout;
  Balancer balancer(codebook, planned.balance.sets == Balance::kKernel ? layout.positions : 1);
  WeightScales scales(planned.cells, cell_scales, first);
  BalanceTally tally;
  if (!layout.has_rows()) {
    balance_gathered(balancer, layout, weights, scales, codes, tally);
    return tally;
  }
  const std::uint64_t width = layout.width();
  for (std::uint64_t row = 0; row < weights.size; row += width) {
    balancer.balance(weights.part(row, width), codes + row, scales.row(row, width), tally);
  }
  return tally;
}

void write_piece(const RunState& run, std::size_t index, SlabRange range,
                 std::span<const std::uint8_t> codes) {
  const PlannedTensor& planned = run.plan.tensors[index];
  const int bits = packing_bits(run.reports[index]);
  release(run.model, index, range);
  std::vector<std::uint8_t> packed(packed_size(range.count, bits));
  kernels().pack(codes.data(), codes.size(), bits, packed.data());
  run.sink.write(index, Part::kCodes, packed_size(range.first, bits),
                 std::as_bytes(std::span(packed)));
  run.meter.add(range.count * size_of(planned.info.dtype));
}

BalanceTally encode_balanced_piece(const RunState& run, std::size_t index, std::uint64_t piece,
                                   const Codebook& codebook, const PieceEncoder& encode) {
  const PlannedTensor& planned = run.plan.tensors[index];
  const SlabRange range = balanced_piece(planned, piece);
  std::vector<float> scratch;
  const WeightView weights = floats_of(run.model, index, range, scratch);
  std::vector<std::uint8_t> codes(range.count);
  const std::uint64_t step = weights_at_a_time(planned.balance.layout);
  BalanceTally tally;
  for (std::uint64_t first = 0; first < range.count; first += step) {
    const WeightView part = weights.part(first, std::min(step, range.count - first));
    encode(part, codes.data() + first);
    tally.add(
        balance_piece(planned, codebook, {}, range.first + first, part, codes.data() + first));
  }
  write_piece(run, index, range, codes);
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
  const PieceEncoder encode = [&](WeightView piece, std::uint8_t* codes) {
    encoder.find_codes(piece, codes);
  };
  std::vector<BalanceTally> tallies;
  for (std::uint64_t piece = 0; piece < balanced_pieces(run.plan.tensors[index]); ++piece) {
    tallies.push_back(
        encode_balanced_piece(run, index, piece, run.reports[index].codebook, encode));
  }
  report_balance(run, index, weights, tallies);
}

}  // namespace wquant
