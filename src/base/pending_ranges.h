#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace wquant {

/// A range of bytes.
struct ByteRange {
  std::uint64_t begin = 0, end = 0;
};

/// Joins small ranges that follow each other, as several threads come to them, into larger ones.
class PendingRanges {
 public:
  /// Adds a range and returns one to deal with now: a joined one that is large enough, one that
  /// found no neighbour for long, or an empty one. Safe from several threads.
  ByteRange add(ByteRange range);

 private:
  std::mutex mutex_;
  std::array<ByteRange, 16> ranges_;  ///< Empty where there is none.
  std::size_t oldest_ = 0;
};

}  // namespace wquant
