#include "formats/zip_writer.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <minizip/zip.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "formats/strict_json.h"
#include "wquant/error.h"

namespace wquant {

/// The writer's file for minizip, which goes back to fill in sizes.
struct ZipOutput {
  static ZipWriter& writer(voidpf opaque) { return *static_cast<ZipWriter*>(opaque); }

  static voidpf open(voidpf opaque, const void*, int) { return opaque; }

  static uLong read(voidpf, voidpf, void*, uLong) { return 0; }

  static uLong write(voidpf opaque, voidpf, const void* data, uLong size) {
    ZipWriter& to = writer(opaque);
    if (to.failure_) return 0;
    try {
      to.file_.write_at(to.at_, {static_cast<const std::byte*>(data), size});
    } catch (const Error&) {
      to.failure_ = std::current_exception();
      return 0;
    }
    to.at_ += size;
    to.end_ = std::max(to.end_, to.at_);
    return size;
  }

  static ZPOS64_T tell(voidpf opaque, voidpf) { return writer(opaque).at_; }

  static long seek(voidpf opaque, voidpf, ZPOS64_T offset, int origin) {
    ZipWriter& to = writer(opaque);
    const std::uint64_t base = origin == ZLIB_FILEFUNC_SEEK_SET   ? 0
                               : origin == ZLIB_FILEFUNC_SEEK_CUR ? to.at_
                                                                  : to.end_;
    to.at_ = base + offset;
    return 0;
  }

  static int close(voidpf, voidpf) { return 0; }

  static int error(voidpf opaque, voidpf) { return writer(opaque).failure_ ? 1 : 0; }
};

namespace {

constexpr uLong kDate = (1U << 16) | (1U << 21);  ///< 1980-01-01 00:00 as DOS counts.
constexpr uLong kUtf8Name = 0x0800;
constexpr std::size_t kMaxName = 0xFFFF;
constexpr std::size_t kHeader = 30;  ///< Before a member's name.
constexpr std::size_t kZip64Extra = 20;

void check_name(const std::string& name) {
  if (name.empty() || name.find('\0') != std::string::npos) {
    throw Error("its name cannot name a member of a zip archive", "rename it").at_tensor(name);
  }
  if (name.size() > kMaxName) {
    throw Error(fmt::format("its name of {} bytes is too long for a zip archive", name.size()),
                "rename it")
        .at_tensor(name);
  }
  static_cast<void>(json_string(name));  // Throws for what is not UTF-8.
}

uLong name_flag(const std::string& name) {
  const bool ascii = std::all_of(name.begin(), name.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return ascii ? 0 : kUtf8Name;
}

/// A field of a member's header that moves what would lie at offset `at` to a multiple of
/// `alignment`; empty where it lies there already.
std::string padding(std::uint64_t at, std::size_t alignment) {
  constexpr std::size_t kField = 4;  // Identifier and length, both of two bytes.
  if (at % alignment == 0) return {};
  const std::size_t size = alignment - 1 - (at + kField - 1) % alignment;
  std::string field = {'F', 'B', static_cast<char>(size & 0xFF), static_cast<char>(size >> 8)};
  return field.append(size, 'Z');
}

}  // namespace

ZipWriter::ZipWriter(OutputFile& file) : file_(file) {
  zlib_filefunc64_def functions = {
      ZipOutput::open, ZipOutput::read,  ZipOutput::write, ZipOutput::tell,
      ZipOutput::seek, ZipOutput::close, ZipOutput::error, this};
  zip_ = zipOpen2_64("", APPEND_STATUS_CREATE, nullptr, &functions);
  if (zip_ == nullptr) throw Error("out of memory");
}

ZipWriter::~ZipWriter() {
  if (zip_ == nullptr) return;
  // Only frees what the library holds: the file is not going to be committed.
  if (!failure_) failure_ = std::make_exception_ptr(Error("not finished"));
  zipClose(zip_, nullptr);
}

void ZipWriter::begin(const std::string& name, std::uint64_t size, std::size_t alignment) {
  check_name(name);
  zip_fileinfo info = {};
  info.dosDate = kDate;
  const bool zip64 = size >= std::numeric_limits<std::uint32_t>::max();
  const std::string extra =
      padding(at_ + kHeader + name.size() + (zip64 ? kZip64Extra : 0), alignment);
  check(zipOpenNewFileInZip4_64(zip_, name.c_str(), &info, extra.data(),
                                static_cast<unsigned>(extra.size()), nullptr, 0, nullptr, 0, 0, 1,
                                -MAX_WBITS, DEF_MEM_LEVEL, Z_DEFAULT_STRATEGY, nullptr, 0, 0,
                                name_flag(name), zip64 ? 1 : 0));
  size_ = 0;
  crc_ = 0;
  ++count_;
}

void ZipWriter::write(std::span<const std::byte> bytes) {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // The library counts in unsigned int.
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), kMost))) {
    const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), kMost));
    check(zipWriteInFileInZip(zip_, piece.data(), static_cast<unsigned>(piece.size())));
    crc_ = libdeflate_crc32(crc_, piece.data(), piece.size());
    size_ += piece.size();
  }
}

void ZipWriter::end() { check(zipCloseFileInZipRaw64(zip_, size_, crc_)); }

void ZipWriter::finish() {
  // The library writes the wider directory for large archives only.
  if (count_ >= 0xFFFF && at_ < std::numeric_limits<std::uint32_t>::max()) {
    throw Error(fmt::format("{} members are too many for a zip archive of less than 4 GB", count_),
                "write safetensors instead");
  }
  const int code = zipClose(std::exchange(zip_, nullptr), nullptr);
  check(code);
}

void ZipWriter::check(int code) {
  if (failure_) std::rethrow_exception(failure_);
  if (code != ZIP_OK) throw Error(fmt::format("cannot write the zip archive (code {})", code));
}

}  // namespace wquant
