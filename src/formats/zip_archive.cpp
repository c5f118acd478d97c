#include "formats/zip_archive.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "formats/zip_directory.h"
#include "formats/zip_inflate.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Bytes of a member that are held in memory while it is unpacked or its CRC is computed.
constexpr std::uint64_t kPiece = std::uint64_t{16} << 20;

}  // namespace

ZipArchive::ZipArchive(const std::filesystem::path& path)
    : file_(path),
      members_(read_zip_directory(file_)),
      unpacked_(std::make_unique<Unpacked[]>(members_.size())) {}

ZipArchive::~ZipArchive() = default;

std::vector<std::byte> ZipArchive::head(std::size_t index, std::size_t limit) const {
  const ZipMember& member = members_[index];
  std::vector<std::byte> out(std::min<std::uint64_t>(limit, member.size));
  if (out.empty()) return out;
  if (!member.deflated) {
    std::memcpy(out.data(), stored_bytes(member).data(), out.size());
    return out;
  }
  try {
    out.resize(Inflater(stored_bytes(member)).fill(out));
  } catch (Error& error) {
    error.at_tensor(member.name);
    throw;
  }
  return out;
}

void ZipArchive::read_heads(std::size_t limit, const HeadReader& take) const {
  PassingRead passing(file_);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    take(i, head(i, limit));
    passing.reach(members_[i].begin);
  }
}

std::span<const std::byte> ZipArchive::contents(std::size_t index) const {
  const ZipMember& member = members_[index];
  Unpacked& unpacked = unpacked_[index];
  try {
    // After an exception the next caller tries again.
    std::call_once(unpacked.once, [&] { unpack(member, unpacked); });
  } catch (Error& error) {
    error.at_tensor(member.name);
    throw;
  }
  if (!member.deflated) return stored_bytes(member);
  return std::as_const(*unpacked.spool).bytes();
}

void ZipArchive::release(std::size_t index, std::uint64_t first, std::uint64_t size) const {
  release(members_[index], unpacked_[index], first, size);
}

void ZipArchive::release(const ZipMember& member, const Unpacked& unpacked, std::uint64_t first,
                         std::uint64_t size) const {
  if (!member.deflated) {
    file_.release(member.begin + first, size);
  } else if (unpacked.spool) {
    unpacked.spool->release(first, size);
  }
}

std::span<const std::byte> ZipArchive::stored_bytes(const ZipMember& member) const {
  return file_.bytes().subspan(member.begin, member.stored_size);
}

void ZipArchive::unpack(const ZipMember& member, Unpacked& unpacked) const {
  if (member.deflated) {
    unpacked.spool = std::make_unique<SpoolFile>(member.size);
    inflate_member(member, *unpacked.spool);
  }
  check_crc(member, unpacked);
}

void ZipArchive::inflate_member(const ZipMember& member, SpoolFile& spool) const {
  const std::span<std::byte> out = spool.bytes();
  Inflater inflater(stored_bytes(member));
  std::size_t used = 0;
  for (std::uint64_t first = 0; first < out.size(); first += kPiece) {
    const std::uint64_t size = std::min<std::uint64_t>(kPiece, out.size() - first);
    if (inflater.fill(out.subspan(first, size)) != size) {
      throw Error(
          fmt::format("unpacks to fewer bytes than the {} that the archive claims", out.size()));
    }
    spool.release(first, size);
    file_.release(member.begin + used, inflater.used() - used);
    used = inflater.used();
  }
  std::byte more = {};
  if (inflater.fill({&more, 1}) != 0) {
    throw Error(
        fmt::format("unpacks to more bytes than the {} that the archive claims", out.size()));
  }
  if (!inflater.ended() || inflater.used() != member.stored_size) {
    throw Error("its compressed data are damaged", "get it again");
  }
}

void ZipArchive::check_crc(const ZipMember& member, const Unpacked& unpacked) const {
  const std::span<const std::byte> bytes =
      member.deflated ? std::as_const(*unpacked.spool).bytes() : stored_bytes(member);
  std::uint32_t crc = 0;
  for (std::uint64_t first = 0; first < bytes.size(); first += kPiece) {
    const std::uint64_t size = std::min<std::uint64_t>(kPiece, bytes.size() - first);
    crc = libdeflate_crc32(crc, bytes.data() + first, size);
    if (bytes.size() > kPiece) release(member, unpacked, first, size);
  }
  if (crc != member.crc) {
    throw Error(fmt::format("its CRC-32 is {:08x} but should be {:08x}", crc, member.crc),
                "the file is damaged: get it again");
  }
}

bool is_zip(std::string_view head) {
  return head.starts_with("PK\x03\x04") || head.starts_with("PK\x05\x06");
}

}  // namespace wquant
