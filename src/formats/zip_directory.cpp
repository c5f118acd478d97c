#include "formats/zip_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "formats/fields.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::string_view kEntryMark = "PK\x01\x02";
constexpr std::string_view kLocalMark = "PK\x03\x04";
constexpr std::string_view kEndMark = "PK\x05\x06";
constexpr std::string_view kEnd64Mark = "PK\x06\x06";
constexpr std::string_view kLocator64Mark = "PK\x06\x07";

constexpr std::size_t kEndSize = 22;
constexpr std::size_t kLocator64Size = 20;
constexpr std::size_t kEntrySize = 46;
constexpr std::uint64_t kMax16 = 0xFFFF, kMax32 = 0xFFFFFFFF;  ///< Stand for a field of zip64.

constexpr std::uint64_t kMaxDeflate = 1032;  ///< No deflate stream unpacks to more times its size.
constexpr std::uint64_t kEncrypted = 0x0001 | 0x2000, kSizesFollow = 0x0008;  ///< Bits of flags.
constexpr std::uint64_t kStored = 0, kDeflated = 8;
constexpr std::uint64_t kZip64Extra = 1;
constexpr std::string_view kDamaged = "its zip directory is damaged";

/// The part of the file from `at` on, which may lie outside.
Fields fields_at(std::string_view file, std::uint64_t at) {
  return {file.substr(std::min<std::uint64_t>(at, file.size())), kDamaged};
}

struct Directory {
  std::uint64_t disk = 0, count = 0, size = 0, begin = 0;
  std::uint64_t end = 0;  ///< Where what follows it begins.
};

/// Offset of the end record, which ends with a comment up to the end of the file.
std::uint64_t find_end(std::string_view file) {
  for (std::size_t comment = 0; comment <= kMax16 && comment + kEndSize <= file.size(); ++comment) {
    const std::size_t at = file.size() - kEndSize - comment;
    if (!file.substr(at).starts_with(kEndMark)) continue;
    if (fields_at(file, at + kEndSize - 2).number(2) == comment) return at;
  }
  throw Error("is no zip archive, or its end is missing", "get it again");
}

/// Replaces the directory's place by the 64-bit one, if there is one before the end record.
void read_end64(std::string_view file, Directory& directory) {
  if (directory.end < kLocator64Size) return;
  Fields locator = fields_at(file, directory.end - kLocator64Size);
  if (locator.text(4) != kLocator64Mark) return;
  locator.number(4);  // Disk.
  const std::uint64_t at = locator.number(8);
  Fields end = fields_at(file, at);
  if (end.text(4) != kEnd64Mark) throw Error(std::string(kDamaged), "get it again");
  end.text(8 + 2 + 2);  // Size and versions.
  directory.disk = end.number(4);
  end.text(4 + 8);  // Disk of the directory, members on this disk.
  directory.count = end.number(8);
  directory.size = end.number(8);
  directory.begin = end.number(8);
  directory.end = at;
}

Directory find_directory(std::string_view file) {
  Directory directory;
  directory.end = find_end(file);
  Fields end = fields_at(file, directory.end + kEndMark.size());
  directory.disk = end.number(2);
  end.text(2 + 2);  // Disk of the directory, members on this disk.
  directory.count = end.number(2);
  directory.size = end.number(4);
  directory.begin = end.number(4);
  read_end64(file, directory);
  if (directory.disk != 0) throw Error("is split over several files", "join them");
  if (directory.begin > directory.end || directory.size != directory.end - directory.begin) {
    throw Error("its zip directory does not lie where its end tells", "get it again");
  }
  if (directory.count > directory.size / kEntrySize) {
    throw Error(fmt::format("its zip directory of {} bytes claims {} members", directory.size,
                            directory.count));
  }
  return directory;
}

/// A member and what its header must agree with.
struct Entry {
  ZipMember member;
  std::uint64_t flags = 0, method = 0;
  std::uint64_t header = 0;  ///< Offset of the header before its bytes.
};

/// The 64-bit field in place of a saturated one.
void widen(std::uint64_t& field, Fields& wide) {
  if (field == kMax32) field = wide.number(8);
}

void read_extra(std::string_view extra, Entry& entry) {
  Fields blocks(extra, kDamaged);
  while (!blocks.empty()) {
    const std::uint64_t id = blocks.number(2);
    Fields block(blocks.text(blocks.number(2)), kDamaged);
    if (id != kZip64Extra) continue;
    widen(entry.member.size, block);
    widen(entry.member.stored_size, block);
    widen(entry.header, block);
    return;
  }
}

Entry read_entry(Fields& directory) {
  Entry entry;
  ZipMember& member = entry.member;
  if (directory.text(4) != kEntryMark) throw Error(std::string(kDamaged), "get it again");
  directory.text(2 + 2);  // Versions.
  entry.flags = directory.number(2);
  entry.method = directory.number(2);
  directory.text(4);  // Time.
  member.crc = static_cast<std::uint32_t>(directory.number(4));
  member.stored_size = directory.number(4);
  member.size = directory.number(4);
  const std::uint64_t name = directory.number(2);
  const std::uint64_t extra = directory.number(2);
  const std::uint64_t comment = directory.number(2);
  directory.text(2 + 2 + 4);  // Disk and attributes.
  entry.header = directory.number(4);
  member.name = directory.text(name);
  member.deflated = entry.method == kDeflated;
  read_extra(directory.text(extra), entry);
  directory.text(comment);
  return entry;
}

void check_kind(const Entry& entry) {
  const ZipMember& member = entry.member;
  if (member.name.empty() || member.name.find('\0') != std::string::npos) {
    throw Error("holds a member without a proper name");
  }
  if ((entry.flags & kEncrypted) != 0) {
    throw Error("is encrypted", "unpack the archive and pack it without a password");
  }
  if (entry.method != kStored && entry.method != kDeflated) {
    throw Error(fmt::format("is compressed by method {}, which is unsupported", entry.method),
                "store or deflate it");
  }
  if (!member.deflated && member.size != member.stored_size) {
    throw Error(
        fmt::format("is stored in {} bytes but claims {}", member.stored_size, member.size));
  }
  if (member.deflated && member.size / kMaxDeflate > member.stored_size) {
    throw Error(fmt::format("claims to unpack {} bytes to {}, more than deflate can",
                            member.stored_size, member.size));
  }
}

/// Compares the header before the member's bytes with the directory and finds where they begin.
/// `data` is the file up to the directory.
void read_local_header(std::string_view data, Entry& entry) {
  constexpr std::string_view kProblem = "its header is missing or contradicts the directory";
  ZipMember& member = entry.member;
  const std::size_t fixed = kLocalMark.size() + 26;
  if (entry.header > data.size() || data.size() - entry.header < fixed) {
    throw Error(std::string(kProblem), "get it again");
  }
  Fields header = fields_at(data, entry.header);
  const bool marked = header.text(4) == kLocalMark;
  header.text(2);  // Version.
  const std::uint64_t flags = header.number(2);
  const std::uint64_t method = header.number(2);
  header.text(4);  // Time.
  const std::uint64_t crc = header.number(4), stored_size = header.number(4);
  const std::uint64_t size = header.number(4);
  const std::uint64_t name = header.number(2), extra = header.number(2);
  // Sizes that were unknown when the header was written stand behind the bytes.
  const auto agrees = [&](std::uint64_t local, std::uint64_t truth) {
    return local == truth || (flags & kSizesFollow) != 0 || local == kMax32;
  };
  const std::uint64_t rest = data.size() - entry.header - fixed;
  if (!marked || flags != entry.flags || method != entry.method || !agrees(crc, member.crc) ||
      !agrees(stored_size, member.stored_size) || !agrees(size, member.size) ||
      name + extra > rest || header.text(name) != member.name) {
    throw Error(std::string(kProblem), "get it again");
  }
  member.begin = entry.header + fixed + name + extra;
  if (member.stored_size > data.size() - member.begin) {
    throw Error("runs into the directory of the archive", "get it again");
  }
}

void check_names(std::span<const Entry> entries) {
  std::unordered_set<std::string_view> names;
  for (const Entry& entry : entries) {
    if (!names.insert(entry.member.name).second) {
      throw Error("is in the archive twice", "rename one of them").at_tensor(entry.member.name);
    }
  }
}

/// A file of a few bytes could otherwise stand for as much data as it has members.
void check_overlap(std::span<const Entry> entries) {
  std::vector<const Entry*> order;
  order.reserve(entries.size());
  for (const Entry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->header < b->header; });
  std::uint64_t end = 0;
  for (const Entry* entry : order) {
    if (entry->header < end) {
      throw Error("overlaps another member of the archive").at_tensor(entry->member.name);
    }
    end = entry->member.begin + entry->member.stored_size;
  }
}

}  // namespace

std::vector<ZipMember> read_zip_directory(const MappedFile& file) {
  const std::span<const std::byte> bytes = file.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const Directory place = find_directory(text);
  Fields directory(text.substr(place.begin, place.size), kDamaged);
  std::vector<Entry> entries;
  PassingRead passing(file);
  for (std::uint64_t i = 0; i < place.count; ++i) {
    entries.push_back(read_entry(directory));
    try {
      check_kind(entries.back());
      read_local_header(text.substr(0, place.begin), entries.back());
      passing.reach(entries.back().member.begin);
    } catch (Error& error) {
      error.at_tensor(entries.back().member.name);
      throw;
    }
  }
  if (!directory.empty()) throw Error("its zip directory holds more than its members");
  check_names(entries);
  check_overlap(entries);
  std::vector<ZipMember> members;
  members.reserve(entries.size());
  for (Entry& entry : entries) members.push_back(std::move(entry.member));
  return members;
}

}  // namespace wquant
