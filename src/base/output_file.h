#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "wquant/formats.h"

namespace wquant {

/// A file that appears under its name only when it is complete: bytes go to a temporary sibling
/// that commit() syncs and renames. Without commit() the destructor removes the temporary file, and
/// so does remove_temporary_files() for a process that is about to die. Throws Error naming the
/// file.
class OutputFile {
 public:
  /// Refuses an existing `path` unless `overwrite` allows it. A `size` other than 0 reserves the
  /// space at once, so that a full disk shows before the work.
  OutputFile(std::filesystem::path path, Overwrite overwrite, std::uint64_t size = 0);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  /// Appends at the end of what append() has written so far.
  void append(std::span<const std::byte> bytes);
  void append(std::string_view text);
  /// Writes at a byte offset; safe from several threads for ranges that do not overlap.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);

  /// Moves `size` bytes that were written at `from` towards the start, to `to`.
  void move_down(std::uint64_t from, std::uint64_t to, std::uint64_t size);
  /// Cuts the file off after `size` bytes.
  void cut(std::uint64_t size);

  /// Where the bytes lie until commit().
  [[nodiscard]] const std::filesystem::path& temporary_path() const { return temporary_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Syncs and renames; the file now exists under its name.
  void commit();

 private:
  void start_writing(std::uint64_t more);
  [[noreturn]] void fail(const char* doing, int code) const;

  std::filesystem::path path_, temporary_;
  Overwrite overwrite_;
  int fd_ = -1;
  int slot_ = -1;
  std::uint64_t appended_ = 0;
  std::atomic<std::uint64_t> written_ = 0;
};

/// Unlinks the temporary file of every OutputFile that is still open. Async-signal-safe.
void remove_temporary_files();

}  // namespace wquant
