#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"

namespace wquant {

/// CRC-32 (IEEE 802.3, what zlib.crc32 computes) of `bytes` that follow those of `before`.
std::uint32_t crc32_of(std::span<const std::byte> bytes, std::uint32_t before = 0);

/// The same of bytes [first, first + size) of a file, which are given back as they are read; `done`
/// is told the number of each part of them.
std::uint32_t crc32_of(
    const MappedFile& file, std::uint64_t first, std::uint64_t size, std::uint32_t before = 0,
    const std::function<void(std::uint64_t)>& done = [](std::uint64_t) {});

/// A stretch of a file, within it.
struct FileRange {
  std::uint64_t begin, size;
};
/// The checksums of stretches of a file, by so many threads; 0: as many as the machine has.
std::vector<std::uint32_t> checksums_of(const MappedFile& file, std::span<const FileRange> ranges,
                                        unsigned threads);

/// That of `first`'s bytes followed by the `second_size` bytes of `second`.
std::uint32_t combine_checksums(std::uint32_t first, std::uint32_t second,
                                std::uint64_t second_size);

/// A checksum as 8 lower-case hexadecimal digits.
std::string checksum_text(std::uint32_t checksum);
/// The way back; nothing for any other text.
std::optional<std::uint32_t> checksum_from_text(std::string_view text);

/// Checksum of a sequence of bytes that arrives in ranges, in any order and from any thread. It
/// holds one node for every gap between the ranges that have come so far.
class RangeChecksum {
 public:
  /// `bytes` are those at `offset`. Throws Error when some of them have come before.
  void add(std::uint64_t offset, std::span<const std::byte> bytes);
  /// Forgets all that has come.
  void clear();
  /// The checksum once all of bytes [0, size) have come.
  [[nodiscard]] std::optional<std::uint32_t> complete(std::uint64_t size) const;

 private:
  struct Range {
    std::uint64_t size;
    std::uint32_t checksum;
  };

  mutable std::mutex mutex_;
  std::map<std::uint64_t, Range> ranges_;  ///< By offset; no two of them touch.
};

}  // namespace wquant
