#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace wquant {

/// TMPDIR, or /tmp where it is not set; it need not exist.
std::string temporary_folder();

/// Bytes that need a place while the program runs: a file without a name in TMPDIR (or /tmp),
/// mapped, so that the system can write it out when memory is short. Where no folder is writable
/// it is plain memory. Throws Error when there is no space.
class SpoolFile {
 public:
  explicit SpoolFile(std::uint64_t size);
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;
  ~SpoolFile();

  [[nodiscard]] std::span<std::byte> bytes() { return {data_, size_}; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Drops the whole pages inside bytes [first, first + size) from this process's memory; they
  /// keep their content.
  void release(std::uint64_t first, std::uint64_t size) const;

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool is_file_ = false;
};

}  // namespace wquant
