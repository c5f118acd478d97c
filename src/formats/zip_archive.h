#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/spool_file.h"

namespace wquant {

/// One file of a zip archive.
struct ZipMember {
  std::string name;
  std::uint64_t size = 0;         ///< Unpacked; a claim of the archive until contents() returns.
  std::uint64_t stored_size = 0;  ///< In the archive.
  std::uint64_t begin = 0;        ///< Offset of its bytes in the archive.
  std::uint32_t crc = 0;
  bool deflated = false;
};

/// A zip archive (with zip64) of stored and deflated members, mapped for reading. A stored member
/// is used where it lies; a deflated one is unpacked once, into a spool file, when it is first
/// asked for. Safe from several threads at once. Throws Error naming the member.
class ZipArchive {
 public:
  /// Reads the directory and checks that names are unique and all members lie apart from each
  /// other within the file.
  explicit ZipArchive(const std::filesystem::path& path);
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;
  ~ZipArchive();

  [[nodiscard]] const std::vector<ZipMember>& members() const { return members_; }

  /// The first `limit` bytes of a member, or all of a shorter one; nothing is checked by its CRC.
  [[nodiscard]] std::vector<std::byte> head(std::size_t index, std::size_t limit) const;

  using HeadReader = std::function<void(std::size_t index, const std::vector<std::byte>& head)>;
  /// Calls `take` with the head of every member.
  void read_heads(std::size_t limit, const HeadReader& take) const;

  /// All bytes of a member, valid as long as the archive. The first call unpacks it and checks
  /// its size and CRC-32.
  [[nodiscard]] std::span<const std::byte> contents(std::size_t index) const;

  /// Tells that bytes [first, first + size) of the contents will not be needed soon.
  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const;

 private:
  /// What contents() has made of a member.
  struct Unpacked {
    std::once_flag once;
    std::unique_ptr<SpoolFile> spool;
  };

  [[nodiscard]] std::span<const std::byte> stored_bytes(const ZipMember& member) const;
  void unpack(const ZipMember& member, Unpacked& unpacked) const;
  void inflate_member(const ZipMember& member, SpoolFile& spool) const;
  void check_crc(const ZipMember& member, const Unpacked& unpacked) const;
  void release(const ZipMember& member, const Unpacked& unpacked, std::uint64_t first,
               std::uint64_t size) const;

  MappedFile file_;
  std::vector<ZipMember> members_;
  std::unique_ptr<Unpacked[]> unpacked_;  ///< One a member.
};

/// True for bytes that begin like a zip archive.
bool is_zip(std::string_view head);

}  // namespace wquant
