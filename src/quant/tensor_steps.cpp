#include "quant/tensor_steps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/float_convert.h"
#include "quant/balanced_pieces.h"
#include "quant/code_statistics.h"
#include "quant/encoder.h"
#include "quant/exact_search.h"
#include "quant/family.h"
#include "quant/picture.h"
#include "quant/zero_level.h"

namespace wquant {
namespace {

/// What is read twice within a short time is kept in memory between, up to this size.
constexpr std::uint64_t kStaysMapped = std::uint64_t{16} << 20;

/// Of a code that has a byte of its own.
constexpr int kCodeBits = 8;

/// Of a tensor of one slab or less.
Distribution read_small(const RunState& run, std::size_t index, Scratch& scratch) {
  scratch.weights.resize(run.plan.tensors[index].info.count());
  run.model.read_floats(index, 0, scratch.weights);
  run.meter.add(run.plan.tensors[index].info.bytes());
  return distribution_of(scratch.weights, scratch.table);
}

/// Of a tensor of several slabs.
Distribution read_large(const RunState& run, std::size_t index, Scratch& scratch) {
  const double pivot = read_pivot(run, index);
  KeySums sums;
  Moments moments;
  const std::uint64_t slabs = slab_count(run.plan.tensors[index].info.count());
  for (std::uint64_t slab = 0; slab < slabs; ++slab) {
    moments += count_slab(run, index, slab, pivot, sums, scratch);
  }
  scratch.table.drain(sums);
  return binned_distribution(sums, moments);
}

void quantize_tensor(const RunState& run, std::size_t index, Scratch& scratch) {
  Distribution weights = read_distribution(run, index, scratch);
  const TensorSettings& settings = run.reports[index].settings;
  if (settings.search == SearchRule::kExact) {
    const WeightView all = {scratch.weights.data(), scratch.weights.size()};
    take_codebook(run, index, weights, fit_exactly(all, settings, run.effort, weights));
  } else {
    fit_tensor(run, index, weights);
  }
  const Encoder encoder(run.reports[index].codebook, weights);
  if (run.plan.tensors[index].balance.sets != Balance::kOff) {
    return encode_balanced(run, index, encoder, weights);
  }
  encode_slab(
      run, index, 0,
      [&](std::uint64_t, WeightView block, std::uint8_t* packed) {
        encoder.encode(block, packing_bits(run.reports[index]), packed);
      },
      scratch);
}

void fill_errors(TensorReport& report, const Distribution& weights) {
  const CodeStatistics statistics = code_statistics(weights, report.codebook);
  fill_squared_error(report, weights, statistics.squared_error);
  report.max_error = statistics.max_error;
  report.entropy = statistics.entropy;
}

}  // namespace

Distribution read_distribution(const RunState& run, std::size_t index, Scratch& scratch) {
  try {
    const bool small = run.plan.tensors[index].info.count() <= kSlab;
    return small ? read_small(run, index, scratch) : read_large(run, index, scratch);
  } catch (const NonFiniteWeights&) {
    refuse_nonfinite(run, index);
  }
}

double read_pivot(const RunState& run, std::size_t index) {
  std::vector<float> head(kPivotWeights);
  run.model.read_floats(index, 0, head);
  return pivot_of({head.data(), head.size()});
}

Moments count_slab(const RunState& run, std::size_t index, std::uint64_t slab, double pivot,
                   KeySums& sums, Scratch& scratch) {
  const TensorInfo& info = run.plan.tensors[index].info;
  const SlabRange range = slab_range(info.count(), slab);
  Moments moments;
  for_each_block(run.model, index, range, scratch.block, [&](std::uint64_t, WeightView block) {
    moments += scratch.table.add(block, pivot, sums);
  });
  finish_read(run, index, range);
  run.meter.add(range.count * size_of(info.dtype));
  return moments;
}

void fill_squared_error(TensorReport& report, const Distribution& weights, double squared_error) {
  const double error = squared_error / weights.count();
  const double power = weights.variance() + weights.mean() * weights.mean();
  report.relative_error = weights.variance() > 0 ? error / weights.variance() : 0;
  report.snr_db =
      error > 0 ? 10 * std::log10(power / error) : std::numeric_limits<double>::infinity();
}

TensorReport begin_report(const PlannedTensor& planned) {
  TensorReport report;
  report.info = planned.info;
  report.quantized = planned.quantized;
  report.kept_reason = planned.kept_reason;
  report.bytes = stored_size(planned);
  report.settings = planned.settings;
  report.balance = planned.balance;
  report.cells = planned.cells;
  return report;
}

void refuse_nonfinite(const RunState& run, std::size_t index) {
  const std::uint64_t weights = run.plan.tensors[index].info.count();
  std::vector<float> block;
  std::uint64_t count = 0;
  std::uint64_t at = 0;
  for (std::uint64_t slab = 0; slab < slab_count(weights); ++slab) {
    const SlabRange range = slab_range(weights, slab);
    for_each_block(run.model, index, range, block, [&](std::uint64_t first, WeightView part) {
      for (std::size_t i = 0; i < part.size; ++i) {
        if (std::isfinite(part.data[i])) continue;
        if (count++ == 0) at = first + i;
      }
    });
    release(run.model, index, range);
    run.meter.add(0);
  }
  if (count == 0) {
    throw Error("holds weights near the largest of float32, whose levels overflow",
                "keep it with --exclude");
  }
  throw Error("holds " + std::to_string(count) + " NaN or infinite values, the first at index " +
                  std::to_string(at),
              "repair the model or give --nonfinite keep");
}

int packing_bits(const TensorReport& report) {
  const bool waits =
      report.settings.coding == Coding::kEntropy || report.codebook.masked_code.has_value();
  return waits ? kCodeBits : report.settings.bits;
}

void encode_slab(const RunState& run, std::size_t index, std::uint64_t slab,
                 const BlockEncoder& encode, Scratch& scratch) {
  const PlannedTensor& planned = run.plan.tensors[index];
  const int bits = packing_bits(run.reports[index]);
  const SlabRange range = slab_range(planned.info.count(), slab);
  const std::uint64_t begin = packed_size(range.first, bits);
  scratch.packed.resize(packed_size(range.count, bits));
  for_each_block(run.model, index, range, scratch.block,
                 [&](std::uint64_t first, WeightView block) {
                   encode(first, block, scratch.packed.data() + packed_size(first, bits) - begin);
                 });
  release(run.model, index, range);
  run.sink.write(index, Part::kCodes, begin, std::as_bytes(std::span(scratch.packed)));
  run.meter.add(range.count * size_of(planned.info.dtype));
}

void finish_read(const RunState& run, std::size_t index, SlabRange range) {
  if (run.plan.tensors[index].info.bytes() > kStaysMapped) release(run.model, index, range);
}

void fit_tensor(const RunState& run, std::size_t index, const Distribution& weights,
                const Codebook* guess) {
  const PlannedTensor& planned = run.plan.tensors[index];
  Codebook found =
      fit_codebook(weights, planned.settings, zero_form(weights, planned), run.effort, guess);
  const bool balanced = planned.balance.sets != Balance::kOff;
  if (balanced && guess != nullptr && guess->thresholds == found.thresholds) {
    found.scale = guess->scale;
    replace_levels(weights, found, guess->levels);
  }
  take_codebook(run, index, weights, std::move(found));
}

void take_codebook(const RunState& run, std::size_t index, const Distribution& weights,
                   Codebook codebook) {
  TensorReport& report = run.reports[index];
  report.codebook = std::move(codebook);
  const Dtype dtype = run.plan.tensors[index].levels;
  if (dtype == Dtype::kF16) round_levels(weights, report.codebook);
  fill_errors(report, weights);
  report.loses_zeros = keeps_zeros(weights, report.settings) && !has_zero(report.codebook);
  if (run.pictures) report.picture = picture_of(weights, report.codebook, report.settings);
  const std::vector<float> stored = levels_to_store(report.codebook, report.settings.bits);
  std::vector<std::byte> levels(stored.size() * size_of(dtype));
  from_floats(dtype, stored, levels);
  run.sink.write(index, Part::kLevels, 0, levels);
}

void copy_slab(const RunState& run, std::size_t index, std::uint64_t slab) {
  const std::uint64_t total = run.plan.tensors[index].info.bytes();
  const std::uint64_t first = slab * kCopySlab;
  const std::uint64_t size = std::min(kCopySlab, total - first);
  const std::span<const std::byte> whole = run.model.view(index);
  if (whole.empty()) {
    std::vector<std::byte> bytes(size);
    run.model.read(index, first, bytes);
    run.sink.write(index, Part::kData, first, bytes);
  } else {
    run.sink.write(index, Part::kData, first, whole.subspan(first, size));
  }
  run.model.release(index, first, size);
  run.meter.add(size);
}

void process_tensor(const RunState& run, std::size_t index, Scratch& scratch) {
  const PlannedTensor& planned = run.plan.tensors[index];
  run.reports[index] = begin_report(planned);
  with_name(run, index, [&] {
    if (planned.quantized) {
      quantize_tensor(run, index, scratch);
    } else if (planned.info.bytes() > 0) {
      copy_slab(run, index, 0);
    }
  });
}

}  // namespace wquant
