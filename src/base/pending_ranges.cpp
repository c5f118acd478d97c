#include "base/pending_ranges.h"

#include <algorithm>
#include <utility>

namespace wquant {
namespace {

/// Bytes of a range that waits for no more.
constexpr std::uint64_t kLargeEnough = std::uint64_t{256} << 10;
/// Gap that two neighbours may have: what a file holds between two tensors.
constexpr std::uint64_t kGap = 4096;

}  // namespace

ByteRange PendingRanges::add(ByteRange range) {
  if (range.end - range.begin >= kLargeEnough) return range;
  const std::lock_guard lock(mutex_);
  const auto neighbour = std::find_if(ranges_.begin(), ranges_.end(), [&](const ByteRange& other) {
    return other.begin < other.end && range.begin <= other.end + kGap &&
           other.begin <= range.end + kGap;
  });
  if (neighbour == ranges_.end()) {
    oldest_ = (oldest_ + 1) % ranges_.size();
    return std::exchange(ranges_[oldest_], range);
  }
  neighbour->begin = std::min(neighbour->begin, range.begin);
  neighbour->end = std::max(neighbour->end, range.end);
  if (neighbour->end - neighbour->begin < kLargeEnough) return {};
  return std::exchange(*neighbour, {});
}

}  // namespace wquant
