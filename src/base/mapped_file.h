#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/pending_ranges.h"

namespace wquant {

/// A whole regular file mapped for reading. Throws Error naming the file. The bytes are valid as
/// long as the object; reading a file that somebody shrinks meanwhile raises SIGBUS.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Copies bytes from `first` on, which must lie within the file. Of a large file no pages are
  /// mapped for that, which is faster where little is read here and there.
  void copy(std::uint64_t first, std::span<std::byte> out) const;
  /// Drops bytes [first, first + size), and what Linux may have mapped around them, from this
  /// process's memory, small ranges together with their neighbours; what is read again comes from
  /// the file.
  void release(std::uint64_t first, std::uint64_t size) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  int descriptor_ = -1;  // Of a large file, as long as there are few of them.
  mutable PendingRanges released_;
};

/// A read of places here and there, forward in the file: what lies behind is given back, since each
/// place that is touched may map much around it.
class PassingRead {
 public:
  explicit PassingRead(const MappedFile& file) : file_(file) {}
  PassingRead(const PassingRead&) = delete;
  PassingRead& operator=(const PassingRead&) = delete;
  ~PassingRead();

  /// What lies before that offset has been read.
  void reach(std::uint64_t offset);

 private:
  const MappedFile& file_;
  std::uint64_t done_ = 0;
};

}  // namespace wquant
