#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wquant/model.h"

namespace wquant {

/// A safetensors file is a little-endian u64 N, N bytes of JSON (padded with spaces) and the data
/// of the tensors, without holes. The JSON object maps each tensor's name to its dtype, shape and
/// byte range in the data, and "__metadata__" to an object of strings.

/// Longest JSON that the format's own library accepts.
inline constexpr std::uint64_t kMaxSafetensorsJson = 100'000'000;
inline constexpr std::string_view kSafetensorsMetadata = "__metadata__";

/// One tensor of the header.
struct SafetensorsEntry {
  TensorInfo info;
  std::uint64_t begin = 0;  ///< Of its bytes, from the start of the data.
  std::size_t tag = 0;      ///< The caller's own number; not stored.
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< In the order of their data.
  std::map<std::string, std::string> metadata;
  std::string_view json;         ///< The N bytes, in the file.
  std::uint64_t data_begin = 0;  ///< Offset of the data in the file.
};

/// The N bytes of JSON. Throws Error where the file has no room for them.
std::string_view find_safetensors_json(std::span<const std::byte> file);

/// Checks everything a header can get wrong against the whole `file`: every range of the entries
/// lies in the file, they touch each other, and each has the size of its shape. Throws Error naming
/// the tensor. The result points into `file`.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file);

/// Orders entries by descending element size, then by name, and sets `begin` one after the other:
/// every tensor is then aligned to its element size. Returns the size of the data. Throws Error
/// for a name that the format cannot hold.
std::uint64_t place_entries(std::vector<SafetensorsEntry>& entries);

/// The JSON of a header, without spaces: metadata first (when there is any), then the entries.
std::string safetensors_json(std::span<const std::pair<std::string, std::string>> metadata,
                             std::span<const SafetensorsEntry> entries);

/// The start of a file: length word, `json`, and spaces up to `size` bytes in all; a `size` of 0
/// means the next multiple of 8. Throws Error for more JSON than the format allows.
std::string frame_safetensors_json(std::string_view json, std::uint64_t size = 0);

}  // namespace wquant
