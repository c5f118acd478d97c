#include "formats/zip_directory.h"

#include <fmt/format.h>
#include <minizip/unzip.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <unordered_set>

#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::size_t kLocalHeader = 30;     ///< Bytes before the name of a member.
constexpr std::size_t kDirectoryEntry = 46;  ///< The same in the directory.
constexpr std::size_t kEndRecord = 22;
constexpr std::uint64_t kMaxDeflate = 1032;  ///< No deflate stream unpacks to more times its size.
constexpr uLong kEncrypted = 0x0001 | 0x2000;  ///< Bits of the flags.

/// The mapped bytes as a file for minizip, which never writes to it.
struct Cursor {
  std::span<const std::byte> file;
  std::uint64_t at = 0;
  bool past_end = false;  ///< Something was to be read that is not there.
};

Cursor& cursor(voidpf opaque) { return *static_cast<Cursor*>(opaque); }

voidpf open_cursor(voidpf opaque, const void*, int) { return opaque; }

uLong read_cursor(voidpf opaque, voidpf, void* out, uLong size) {
  Cursor& from = cursor(opaque);
  const std::uint64_t length = std::min<std::uint64_t>(size, from.file.size() - from.at);
  if (length != 0) std::memcpy(out, from.file.data() + from.at, length);
  from.at += length;
  from.past_end = from.past_end || length != size;
  return length;
}

uLong write_cursor(voidpf, voidpf, const void*, uLong) { return 0; }

ZPOS64_T tell_cursor(voidpf opaque, voidpf) { return cursor(opaque).at; }

long seek_cursor(voidpf opaque, voidpf, ZPOS64_T offset, int origin) {
  Cursor& from = cursor(opaque);
  const std::uint64_t base = origin == ZLIB_FILEFUNC_SEEK_SET   ? 0
                             : origin == ZLIB_FILEFUNC_SEEK_CUR ? from.at
                                                                : from.file.size();
  if (offset > from.file.size() - base) return -1;
  from.at = base + offset;
  return 0;
}

int close_cursor(voidpf, voidpf) { return 0; }
/// The library would go on with zeros.
int has_error(voidpf opaque, voidpf) { return cursor(opaque).past_end ? 1 : 0; }

struct CloseZip {
  void operator()(void* zip) const { unzClose(zip); }
};
using Zip = std::unique_ptr<void, CloseZip>;

Zip open_zip(Cursor& from) {
  zlib_filefunc64_def functions = {open_cursor, read_cursor,  write_cursor, tell_cursor,
                                   seek_cursor, close_cursor, has_error,    &from};
  Zip zip(unzOpen2_64("", &functions));
  if (!zip) throw Error("is no zip archive, or its end is missing", "get it again");
  return zip;
}

void check_kind(const ZipMember& member, const unz_file_info64& info) {
  if ((info.flag & kEncrypted) != 0) {
    throw Error("is encrypted", "unpack the archive and pack it without a password");
  }
  if (info.compression_method != 0 && info.compression_method != Z_DEFLATED) {
    throw Error(
        fmt::format("is compressed by method {}, which is unsupported", info.compression_method),
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

/// Offset of the member's bytes, from its local header.
std::uint64_t find_begin(unzFile zip, const ZipMember& member, std::uint64_t file_size) {
  int method = 0;
  if (unzOpenCurrentFile2(zip, &method, nullptr, 1) != UNZ_OK) {
    throw Error("its header is missing or contradicts the directory of the archive");
  }
  const std::uint64_t begin = unzGetCurrentFileZStreamPos64(zip);
  unzCloseCurrentFile(zip);
  if (begin > file_size || member.stored_size > file_size - begin) {
    throw Error("lies outside the archive", "the file is cut off: get it again");
  }
  return begin;
}

ZipMember read_member(unzFile zip, std::vector<char>& name, std::uint64_t file_size) {
  unz_file_info64 info = {};
  if (unzGetCurrentFileInfo64(zip, &info, name.data(), name.size(), nullptr, 0, nullptr, 0) !=
      UNZ_OK) {
    throw Error("its zip directory is damaged", "get it again");
  }
  ZipMember member;
  member.name.assign(name.data(), info.size_filename);
  member.size = info.uncompressed_size;
  member.stored_size = info.compressed_size;
  member.crc = static_cast<std::uint32_t>(info.crc);
  member.deflated = info.compression_method == Z_DEFLATED;
  if (member.name.empty() || member.name.find('\0') != std::string::npos) {
    throw Error("holds a member without a proper name").at_tensor(member.name);
  }
  try {
    check_kind(member, info);
    member.begin = find_begin(zip, member, file_size);
  } catch (Error& error) {
    error.at_tensor(member.name);
    throw;
  }
  return member;
}

void check_names(std::span<const ZipMember> members) {
  std::unordered_set<std::string_view> names;
  for (const ZipMember& member : members) {
    if (!names.insert(member.name).second) {
      throw Error("is in the archive twice", "rename one of them").at_tensor(member.name);
    }
  }
}

/// A file of a few bytes could otherwise stand for as much data as it has members.
void check_overlap(std::span<const ZipMember> members) {
  std::vector<const ZipMember*> order;
  for (const ZipMember& member : members) order.push_back(&member);
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->begin < b->begin; });
  std::uint64_t end = 0;
  for (const ZipMember* member : order) {
    if (member->begin < end + kLocalHeader + member->name.size()) {
      throw Error("overlaps another member of the archive").at_tensor(member->name);
    }
    end = member->begin + member->stored_size;
  }
}

/// Nothing but the end record, which the library does not find at the start of a file.
bool is_empty_archive(std::span<const std::byte> file) {
  std::array<std::byte, kEndRecord> empty = {};
  std::memcpy(empty.data(), "PK\x05\x06", 4);
  return std::equal(file.begin(), file.end(), empty.begin(), empty.end());
}

std::uint64_t count_members(unzFile zip, std::uint64_t file_size) {
  unz_global_info64 info = {};
  unzGetGlobalInfo64(zip, &info);
  if (info.number_entry > file_size / kDirectoryEntry) {
    throw Error(fmt::format("its zip directory claims {} members, more than {} bytes can hold",
                            info.number_entry, file_size));
  }
  return info.number_entry;
}

}  // namespace

std::vector<ZipMember> read_zip_directory(std::span<const std::byte> file) {
  if (is_empty_archive(file)) return {};
  Cursor from{file};
  const Zip zip = open_zip(from);
  const std::uint64_t count = count_members(zip.get(), file.size());
  std::vector<char> name(std::size_t{1} << 16);
  std::vector<ZipMember> members;
  for (std::uint64_t i = 0; i < count; ++i) {
    const int code = i == 0 ? unzGoToFirstFile(zip.get()) : unzGoToNextFile(zip.get());
    if (code != UNZ_OK) throw Error("its zip directory is damaged", "get it again");
    members.push_back(read_member(zip.get(), name, file.size()));
  }
  if (count != 0 && unzGoToNextFile(zip.get()) == UNZ_OK) {
    throw Error("holds more members than its zip directory counts");
  }
  check_names(members);
  check_overlap(members);
  return members;
}

}  // namespace wquant
