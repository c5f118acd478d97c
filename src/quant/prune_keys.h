#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/kernels.h"
#include "quant/float_slabs.h"
#include "quant/prune_match.h"
#include "wquant/prune.h"

namespace wquant {

/// What weights are ranked by: the largest keys are removed first. Deviations are their bit
/// patterns as float32, which ascend like their values.
using PruneKey = std::uint32_t;
inline constexpr int kPruneKeyBits = 31;
/// The key of what has been removed before, beyond all others.
inline constexpr PruneKey kGone = PruneKey{1} << kPruneKeyBits;
/// The pattern of infinity: no deviation has a larger one.
inline constexpr PruneKey kInfinitePattern = 0x7f800000;

/// What one thread reads into.
struct PruneScratch {
  std::vector<float> control, other, perturbed, deviations;
  std::vector<PruneKey> keys;
};

/// Ranks weights block by block.
class PruneKeys {
 public:
  PruneKeys(const PruneModels& models, const PruneSettings& settings)
      : models_(models), all_(models.all()), settings_(settings) {}

  /// The control's weights of a range of at most kBlock.
  [[nodiscard]] WeightView control(std::size_t tensor, SlabRange block,
                                   PruneScratch& scratch) const;

  /// Bytes that the models hold for a weight of the tensor.
  [[nodiscard]] std::uint64_t bytes_of_weight(std::size_t tensor) const;
  /// The models that are read, the first fold's control first.
  [[nodiscard]] const std::vector<const MatchedModel*>& models() const { return all_; }

  /// Fills scratch.keys for the range; `first_weight` is the number of the tensor's first weight
  /// among all. Keys are void where a weight is NaN or infinite.
  void find(std::size_t tensor, SlabRange block, std::uint64_t first_weight,
            PruneScratch& scratch) const;

  /// What the key stands for, see PruneReport::threshold.
  [[nodiscard]] std::optional<double> value_of(PruneKey key) const;

  /// Whether all weights of the range are finite in all models that are read.
  [[nodiscard]] bool all_finite(std::size_t tensor, SlabRange block, PruneScratch& scratch) const;

 private:
  void add_deviations(std::size_t tensor, SlabRange block, PruneScratch& scratch) const;

  const PruneModels& models_;
  const std::vector<const MatchedModel*> all_;
  const PruneSettings& settings_;
};

}  // namespace wquant
