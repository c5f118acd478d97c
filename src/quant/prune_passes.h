#pragma once

#include <vector>

#include "base/meter.h"
#include "quant/mask_bits.h"
#include "quant/prune_keys.h"
#include "quant/prune_match.h"
#include "quant/prune_selection.h"

namespace wquant {

/// The two passes over all models, slabs by all threads. Neither depends on who did what: counts
/// are integers, and a slab's bits are its own.
class PrunePasses {
 public:
  /// Refers to all that it is given.
  PrunePasses(const PruneModels& models, const PruneSettings& settings, MaskBits& bits,
              const RunOptions& options);

  /// Sets the bits of what is removed already, and counts the keys of all weights. Throws Error
  /// naming file and tensor for NaN and infinity, and for a mask that does not fit.
  KeyCounts count_keys(const ModelReader* previous);

  /// Sets the bits of what the bin says.
  BinMembers::Choice remove(const KeyBin& bin);

 private:
  const PruneModels& models_;
  const PruneKeys keys_;
  MaskBits& bits_;
  const unsigned threads_;
  Meter meter_;
  std::vector<PruneScratch> scratch_;  // By thread.
};

}  // namespace wquant
