#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/safetensors_support.h"

namespace wquant::test {

/// `size` low bytes of a number, little-endian.
inline std::string le(std::uint64_t value, std::size_t size) {
  std::string bytes;
  for (; bytes.size() < size; value >>= 8) bytes += static_cast<char>(value & 0xFF);
  return bytes;
}

/// A .npy file from its pieces, right or wrong.
inline std::string npy_bytes(std::string_view dict, std::string_view data = {}, int major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(major);
  bytes += '\0';
  bytes += le(dict.size() + 1, major == 1 ? 2 : 4);
  return bytes.append(dict).append("\n").append(data);
}

/// The dictionary of a header.
inline std::string npy_dict(std::string_view descr, std::string_view shape,
                            std::string_view fortran = "False") {
  return "{'descr': '" + std::string(descr) + "', 'fortran_order': " + std::string(fortran) +
         ", 'shape': " + std::string(shape) + ", }";
}

/// A .npy file of `count` bytes 0, 1, 2, ...
inline std::string npy_ramp(std::size_t count) {
  std::string data(count, '\0');
  for (std::size_t i = 0; i < count; ++i) data[i] = static_cast<char>(i);
  return npy_bytes(npy_dict("|u1", "(" + std::to_string(count) + ",)"), data);
}

inline std::string raw_deflate(std::string_view text) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

/// One member of a zip archive as its headers describe it, which need not be the truth.
struct ZipPart {
  ZipPart(std::string member, std::string_view content, bool deflate = false)
      : name(std::move(member)),
        stored(deflate ? raw_deflate(content) : std::string(content)),
        method(deflate ? 8 : 0),
        crc(static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(content.data()),
                                             static_cast<uInt>(content.size())))),
        stored_size(stored.size()),
        size(content.size()) {}

  std::string name, stored;
  std::uint16_t flags = 0, method;
  std::uint32_t crc;
  std::uint64_t stored_size, size;
  std::int64_t offset = -1;  ///< Of the local header as the directory gives it; -1: where it is.
};

/// The fields that both headers of a member have; sizes saturated where they stand in zip64.
inline std::string zip_fields(const ZipPart& part, bool zip64) {
  return le(part.flags, 2) + le(part.method, 2) + le(0x00210000, 4) + le(part.crc, 4) +
         le(zip64 ? ~std::uint64_t{0} : part.stored_size, 4) +
         le(zip64 ? ~std::uint64_t{0} : part.size, 4) + le(part.name.size(), 2);
}

inline std::string zip_local_header(const ZipPart& part, bool zip64 = false) {
  const std::string extra =
      zip64 ? le(1, 2) + le(16, 2) + le(part.size, 8) + le(part.stored_size, 8) : "";
  return "PK\x03\x04" + le(20, 2) + zip_fields(part, zip64) + le(extra.size(), 2) + part.name +
         extra;
}

inline std::string zip_entry(const ZipPart& part, std::uint64_t offset, bool zip64 = false) {
  const std::string extra = zip64 ? le(9, 2) + le(2, 2) + "xx" + le(1, 2) + le(24, 2) +
                                        le(part.size, 8) + le(part.stored_size, 8) + le(offset, 8)
                                  : "";
  return "PK\x01\x02" + le(20, 2) + le(20, 2) + zip_fields(part, zip64) + le(extra.size(), 2) +
         le(0, 10) + le(zip64 ? ~std::uint64_t{0} : offset, 4) + part.name + extra;
}

/// What stands after the directory.
inline std::string zip_end(std::uint64_t count, std::uint64_t size, std::uint64_t begin,
                           bool zip64 = false) {
  std::string end64;
  if (zip64) {
    end64 = "PK\x06\x06" + le(44, 8) + le(45, 2) + le(45, 2) + le(0, 8) + le(count, 8) +
            le(count, 8) + le(size, 8) + le(begin, 8) + "PK\x06\x07" + le(0, 4) +
            le(begin + size, 8) + le(1, 4);
    count = size = begin = ~std::uint64_t{0};
  }
  return end64 + "PK\x05\x06" + le(0, 4) + le(count, 2) + le(count, 2) + le(size, 4) +
         le(begin, 4) + le(0, 2);
}

struct ZipEnd {
  std::int64_t count = -1, directory_size = -1, directory_offset = -1;  ///< -1: the truth.
};

/// A zip archive from its pieces, right or wrong.
inline std::string zip_bytes(const std::vector<ZipPart>& parts, const ZipEnd& end = {},
                             bool zip64 = false) {
  const auto or_else = [](std::int64_t value, std::uint64_t truth) {
    return value < 0 ? truth : static_cast<std::uint64_t>(value);
  };
  std::string file, directory;
  for (const ZipPart& part : parts) {
    directory += zip_entry(part, or_else(part.offset, file.size()), zip64);
    file += zip_local_header(part, zip64) + part.stored;
  }
  return file + directory +
         zip_end(or_else(end.count, parts.size()), or_else(end.directory_size, directory.size()),
                 or_else(end.directory_offset, file.size()), zip64);
}

/// Opens and reads the whole model; the message of the Error, or "(no error)".
template <typename Open>
std::string read_error(Open&& open, const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::remove(path);  // Faster than to write over it.
  write_file(path, bytes);
  return error_of([&] {
    const auto model = open(path);
    for (std::size_t i = 0; i < model->tensors().size(); ++i) read_tensor(*model, i);
  });
}

}  // namespace wquant::test
