#include "quant/prune_selection.h"

#include <algorithm>
#include <array>

namespace wquant {

KeyCounts& KeyCounts::operator+=(const KeyCounts& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  return *this;
}

KeyBin find_bin(const KeyCounts& counts, std::uint64_t count) {
  const std::span<const std::uint64_t> ranked = counts.counts().first(counts.counts().size() - 1);
  KeyBin bin{static_cast<std::uint32_t>(ranked.size() - 1), ranked.back(), count};
  while (bin.remaining > bin.count) {
    bin.remaining -= bin.count;
    bin.count = ranked[--bin.upper];
  }
  return bin;
}

BinMembers::BinMembers(const KeyBin& bin, std::uint64_t slabs)
    : bin_(bin), spool_(bin.count * sizeof(std::uint32_t)), places_(slabs) {}

void BinMembers::put(std::uint64_t slab, std::span<const std::uint32_t> members) {
  if (members.empty()) return;
  places_[slab] = {used_.fetch_add(members.size()), members.size()};
  const std::span<std::byte> bytes =
      spool_.bytes().subspan(places_[slab].first * sizeof(std::uint32_t), members.size_bytes());
  std::ranges::copy(std::as_bytes(members), bytes.begin());
}

std::span<const std::uint32_t> BinMembers::members(std::uint64_t slab) const {
  const auto* const all = reinterpret_cast<const std::uint32_t*>(spool_.bytes().data());
  return {all + places_[slab].first, places_[slab].count};
}

BinMembers::Low BinMembers::find_low() const {
  std::array<std::uint64_t, kLowKeyMask + 1> counts = {};
  for (std::uint64_t slab = 0; slab < places_.size(); ++slab) {
    for (const std::uint32_t member : members(slab)) ++counts[member & kLowKeyMask];
  }
  Low low{kLowKeyMask, counts.back(), bin_.remaining};
  while (low.remaining > low.equal) {
    low.remaining -= low.equal;
    low.equal = counts[--low.key];
  }
  return low;
}

}  // namespace wquant
