#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "base/output_file.h"

namespace wquant {

/// Writes a zip archive of stored members; zip64 where sizes or offsets call for it. The bytes
/// depend on names and contents alone: every member is dated 1980-01-01. Throws Error.
class ZipWriter {
 public:
  /// Writes from the start of `file`, which must outlive the writer and is not committed by it.
  explicit ZipWriter(OutputFile& file);
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;
  ~ZipWriter();

  /// Begins a member of `size` bytes in all, whose bytes lie at a multiple of `alignment` in the
  /// file. Throws for a name that a zip archive cannot hold.
  void begin(const std::string& name, std::uint64_t size, std::size_t alignment = 1);
  /// Appends to the member.
  void write(std::span<const std::byte> bytes);
  void end();
  /// Writes the directory. To be called once, after the last member.
  void finish();

 private:
  friend struct ZipOutput;

  void check(int code);

  OutputFile& file_;
  std::uint64_t at_ = 0, end_ = 0;  ///< Where the next byte goes; one past the last byte.
  std::exception_ptr failure_;      ///< Of the file; must not cross the C library.
  void* zip_ = nullptr;
  std::uint64_t size_ = 0;  ///< Of the member so far.
  std::uint32_t crc_ = 0;
  std::uint64_t count_ = 0;  ///< Members begun.
};

}  // namespace wquant
