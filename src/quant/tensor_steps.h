#pragma once

#include <cstddef>
#include <functional>

#include "quant/distribution.h"
#include "quant/float_slabs.h"
#include "quant/run_state.h"

namespace wquant {

/// The steps of quantizing one tensor, whoever runs them.

/// Reports all but the figures that need the weights.
TensorReport begin_report(const PlannedTensor& planned);

/// The first pass over a tensor, by one thread. Refuses NaN and infinity.
Distribution read_distribution(const RunState& run, std::size_t index, Scratch& scratch);

/// The pivot of a tensor of several slabs.
double read_pivot(const RunState& run, std::size_t index);

/// Counts slab number `slab` in the table of `scratch`, which goes to `sums` when it is full.
Moments count_slab(const RunState& run, std::size_t index, std::uint64_t slab, double pivot,
                   KeySums& sums, Scratch& scratch);

/// Counts what is not finite, for the message.
[[noreturn]] void refuse_nonfinite(const RunState& run, std::size_t index);

/// Bits of a code as it goes to the sink of a run: a byte where it is yet to be coded or masked.
int packing_bits(const TensorReport& report);

/// Packs the codes of a block of weights, the first of which is weight `first` of the tensor.
using BlockEncoder =
    std::function<void(std::uint64_t first, WeightView block, std::uint8_t* packed)>;
/// Encodes slab number `slab` into the sink.
void encode_slab(const RunState& run, std::size_t index, std::uint64_t slab,
                 const BlockEncoder& encode, Scratch& scratch);

/// Slabs that will be read again stay in memory where the tensor is small, else they are released.
void finish_read(const RunState& run, std::size_t index, SlabRange range);

/// Fits the codebook of a tensor, near the guess if there is one, writes its levels and fills in
/// the report. Where the guess has the right thresholds its levels stay too if codes are balanced:
/// they were for these.
void fit_tensor(const RunState& run, std::size_t index, const Distribution& weights,
                const Codebook* guess = nullptr);

/// Writes the levels of a codebook and fills in the report; the distribution must have its
/// thresholds.
void take_codebook(const RunState& run, std::size_t index, const Distribution& weights,
                   Codebook codebook);

/// Fills in the relative error and the SNR.
void fill_squared_error(TensorReport& report, const Distribution& weights, double squared_error);

/// Copies slab number `slab` of a kept tensor, kCopySlab bytes, to the sink.
inline constexpr std::uint64_t kCopySlab = kSlab * sizeof(float);
void copy_slab(const RunState& run, std::size_t index, std::uint64_t slab);

/// Calls f; an error that leaves it gets the names of the tensor and the file.
template <typename F>
auto with_name(const RunState& run, std::size_t index, F&& f) {
  try {
    return f();
  } catch (Error& error) {
    if (error.kind() != ErrorKind::kInterrupted) {
      error.at_tensor(run.plan.tensors[index].info.name).at_file(run.model.path());
    }
    throw;
  }
}

/// Quantizes or copies a whole tensor.
void process_tensor(const RunState& run, std::size_t index, Scratch& scratch);

}  // namespace wquant
