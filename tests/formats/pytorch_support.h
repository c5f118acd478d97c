#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/numpy_support.h"

/// Pickles and PyTorch files from their pieces, right or wrong. Each function gives the opcodes
/// that push one value.
namespace wquant::test {

/// 12 elements of 4 bytes.
inline std::string ramp() {
  std::string bytes(48, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i);
  return bytes;
}

inline std::string pickled(std::string_view opcodes) {
  return std::string("\x80\x02").append(opcodes) + ".";
}

inline std::string text(std::string_view value) {
  return "X" + le(value.size(), 4) + std::string(value);
}

inline std::string number(std::int64_t value) {
  return "\x8a\x08" + le(static_cast<std::uint64_t>(value), 8);
}

inline std::string tuple(const std::vector<std::string>& items) {
  std::string opcodes = "(";
  for (const std::string& item : items) opcodes += item;
  return opcodes + "t";
}

inline std::string numbers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  items.reserve(values.size());
  for (const std::int64_t value : values) items.push_back(number(value));
  return tuple(items);
}

inline std::string global(std::string_view module, std::string_view name) {
  return std::string("c").append(module) + "\n" + std::string(name) + "\n";
}

inline std::string call(const std::string& function, const std::vector<std::string>& arguments) {
  return function + tuple(arguments) + "R";
}

inline std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string opcodes = "}(";
  for (const auto& [key, value] : entries) opcodes += text(key) + value;
  return opcodes + "u";
}

inline std::string storage(std::string_view key, std::int64_t count,
                           std::string_view type = "FloatStorage") {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), number(count)}) +
         "Q";
}

inline std::string hooks() { return call(global("collections", "OrderedDict"), {}); }

inline std::string tensor(const std::string& storage, std::int64_t offset,
                          const std::vector<std::int64_t>& shape,
                          const std::vector<std::int64_t>& strides) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              {storage, number(offset), numbers(shape), numbers(strides), "\x89", hooks()});
}

/// The bytes of a storage by its key.
using Storages = std::vector<std::pair<std::string, std::string>>;

/// A file in the zip form.
inline std::string pytorch_zip(std::string_view pickle, const Storages& storages,
                               std::string_view order = "little") {
  std::vector<ZipPart> parts = {{"m/data.pkl", pickle}, {"m/byteorder", order}};
  for (const auto& [key, bytes] : storages) parts.emplace_back("m/data/" + key, bytes);
  parts.emplace_back("m/version", "3\n");
  return zip_bytes(parts);
}

/// What stands before the object in the old form.
inline std::string legacy_head(std::int64_t version = 1001, std::string_view little = "\x88") {
  return pickled(std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")) +
         pickled(number(version)) + pickled(dict({{"little_endian", std::string(little)}}));
}

/// What stands behind it: the keys, then counts and elements of 4 bytes.
inline std::string legacy_tail(const Storages& storages) {
  std::string keys, data;
  for (const auto& [key, bytes] : storages) {
    keys += text(key);
    data += le(bytes.size() / 4, 8) + bytes;
  }
  return pickled("](" + keys + "e") + data;
}

/// A member of a tar archive.
inline std::string tar_member(std::string_view name, std::string_view contents, char type = '0') {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, std::string_view value) {
    header.replace(at, value.size(), value);
  };
  const auto octal = [](std::uint64_t value, int digits) {
    std::string text(static_cast<std::size_t>(digits), '0');
    for (std::size_t i = text.size(); i-- > 0; value /= 8) {
      text[i] = static_cast<char>('0' + value % 8);
    }
    return text;
  };
  put(0, name);
  put(124, octal(contents.size(), 11));
  put(148, "        ");
  header[156] = type;
  put(257, std::string("ustar\00000", 8));
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, octal(sum, 6) + std::string("\0 ", 2));
  header.append(contents);
  return header.append((512 - contents.size() % 512) % 512, '\0');
}

/// What the parts of a file in the oldest form hold; the defaults are a tensor 7 of 3 x 4 elements
/// in a storage 5.
struct TarParts {
  std::string sys_info =
      pickled(dict({{"protocol_version", number(1000)}, {"little_endian", "\x88"}}));
  std::string pickle;
  std::string tensors;
  std::string storages;

  [[nodiscard]] std::string bytes() const {
    return tar_member("sys_info", sys_info) + tar_member("pickle", pickle) +
           tar_member("tensors", tensors) + tar_member("storages", storages) +
           std::string(1024, '\0');
  }
};

/// The pickle's name of a tensor.
inline std::string named_tensor(std::string_view key) { return text(key) + "Q"; }

inline std::string tar_tensor(std::int64_t key, const std::string& storage,
                              const std::vector<std::uint64_t>& shape,
                              const std::vector<std::uint64_t>& strides, std::uint64_t offset = 0) {
  std::string bytes = pickled(tuple({number(key), storage, global("torch", "FloatTensor")}));
  bytes += le(shape.size(), 4) + le(0, 4);
  for (const std::uint64_t extent : shape) bytes += le(extent, 8);
  for (const std::uint64_t stride : strides) bytes += le(stride, 8);
  return bytes + le(offset, 8);
}

inline std::string tar_storage(std::int64_t key, std::string_view data,
                               std::string_view type = "FloatStorage") {
  return pickled(tuple({number(key), text("cpu"), global("torch", type)})) +
         le(data.size() / 4, 8) + std::string(data);
}

}  // namespace wquant::test
