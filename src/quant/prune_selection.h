#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/spool_file.h"
#include "quant/float_slabs.h"
#include "quant/prune_keys.h"

namespace wquant {

/// Bits of a key that the first pass does not look at. The others and a place in a slab take 32.
inline constexpr int kLowKeyBits = 14;
inline constexpr PruneKey kLowKeyMask = (PruneKey{1} << kLowKeyBits) - 1;
static_assert((kSlab << kLowKeyBits) == std::uint64_t{1} << 32);

/// How many weights have the upper bits of a key, one table a thread.
class KeyCounts {
 public:
  KeyCounts() : counts_((std::size_t{1} << (kPruneKeyBits - kLowKeyBits)) + 1) {}

  void add(std::span<const PruneKey> keys) {
    for (const PruneKey key : keys) ++counts_[key >> kLowKeyBits];
  }
  KeyCounts& operator+=(const KeyCounts& other);

  /// By upper bits, ascending; the last entry counts what had been removed before.
  [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }

 private:
  std::vector<std::uint64_t> counts_;
};

/// Which keys are certainly removed, and among which ones the rest is chosen.
struct KeyBin {
  std::uint32_t upper = 0;      ///< Upper bits of those to choose among; larger ones are removed.
  std::uint64_t count = 0;      ///< Weights that have them.
  std::uint64_t remaining = 0;  ///< To remove of these, at most count and at least 1.
};

/// The bin for removing `count` weights, of which there are at least so many and 1.
KeyBin find_bin(const KeyCounts& counts, std::uint64_t count);

/// The weights of a bin, gathered slab by slab by any thread.
class BinMembers {
 public:
  BinMembers(const KeyBin& bin, std::uint64_t slabs);

  /// Those of a slab, once for each: place in the slab << kLowKeyBits | low bits of the key, by
  /// ascending place.
  void put(std::uint64_t slab, std::span<const std::uint32_t> members);

  struct Choice {
    PruneKey last = 0;            ///< Key of the last one that is removed.
    std::uint64_t ties_kept = 0;  ///< Weights of that key that stay.
  };

  /// Chooses the bin's remaining weights with the largest keys, of equal ones the first, and calls
  /// remove(slab, place) for each.
  template <typename F>
  Choice choose(F&& remove) const {
    Low low = find_low();
    const std::uint64_t ties = low.equal - low.remaining;
    for (std::uint64_t slab = 0; slab < places_.size(); ++slab) {
      for (const std::uint32_t member : members(slab)) {
        const std::uint32_t key = member & kLowKeyMask;
        if (key < low.key || (key == low.key && low.remaining == 0)) continue;
        if (key == low.key) --low.remaining;
        remove(slab, member >> kLowKeyBits);
      }
    }
    return {bin_.upper << kLowKeyBits | low.key, ties};
  }

 private:
  struct Place {
    std::uint64_t first = 0, count = 0;
  };
  struct Low {
    std::uint32_t key = 0;        ///< Larger ones are removed.
    std::uint64_t equal = 0;      ///< Weights that have it.
    std::uint64_t remaining = 0;  ///< To remove of these.
  };

  [[nodiscard]] std::span<const std::uint32_t> members(std::uint64_t slab) const;
  [[nodiscard]] Low find_low() const;

  const KeyBin bin_;
  SpoolFile spool_;
  std::vector<Place> places_;  // By slab.
  std::atomic<std::uint64_t> used_ = 0;
};

}  // namespace wquant
