#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "quant/exact_search.h"
#include "quant/run_state.h"

namespace wquant {

/// The exact search for the codebook of a tensor of more than one slab: reads it again, slab by
/// slab, as often as the search wants. What is found does not depend on who reads which slab.
class ExactStages {
 public:
  /// `weights` outlives this.
  ExactStages(const RunState& run, std::size_t index, Distribution& weights);

  /// The codebook that finish() will most likely make.
  [[nodiscard]] Codebook likely() const;

  [[nodiscard]] bool wants_read() const;
  /// Whether read_slab() is nothing but count_parts() of the slab's weights.
  [[nodiscard]] bool wants_parts() const { return search_.needs_parts(); }
  /// By several threads at once.
  void count_parts(WeightView weights);
  /// By several threads at once.
  void read_slab(std::uint64_t slab, Scratch& scratch);
  /// All slabs have been read.
  void end_read();
  /// Makes the codebook; the distribution becomes one with its thresholds.
  void finish();

 private:
  void prepare();
  PartTable take_parts();
  void finish_gathering();

  const RunState& run_;
  const std::size_t index_;
  Distribution& weights_;
  ExactSearch search_;
  int reads_ = 0;
  std::mutex mutex_;
  std::vector<PartTable> parts_;              // That no thread has.
  std::vector<std::vector<float>> gathered_;  // By slab, while these are read.
  std::vector<float> all_;                    // What was gathered.
};

}  // namespace wquant
