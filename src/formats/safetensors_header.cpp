#include "formats/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "formats/strict_json.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using nlohmann::json;

constexpr std::size_t kLengthSize = sizeof(std::uint64_t);

Dtype parse_dtype(const json& value) {
  const std::string& name = json_text(value, "dtype");
  const std::optional<Dtype> dtype = dtype_from_name(name);
  if (!dtype) throw Error(fmt::format("dtype \"{}\" is not known", printable(name, 40)));
  return *dtype;
}

SafetensorsEntry parse_entry(const std::string& name, const json& value) {
  if (!value.is_object()) throw Error("its entry is not an object");
  SafetensorsEntry entry;
  entry.info = {name, json_u64_array(value, "shape"), parse_dtype(value)};
  checked_count(entry.info.shape, size_of(entry.info.dtype));
  const std::vector<std::uint64_t> range = json_u64_array(value, "data_offsets");
  if (range.size() != 2) throw Error("data_offsets is not a pair");
  if (range[0] > range[1]) throw Error("data_offsets end before they begin");
  if (range[1] - range[0] != entry.info.bytes()) {
    throw Error(fmt::format("data_offsets span {} bytes where shape {} of {} takes {}",
                            range[1] - range[0], shape_text(entry.info.shape),
                            name_of(entry.info.dtype), entry.info.bytes()));
  }
  entry.begin = range[0];
  return entry;
}

std::map<std::string, std::string> parse_metadata(const json& value) {
  if (!value.is_object()) throw Error("is not an object");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) throw Error(fmt::format("\"{}\" is not a string", printable(key)));
    metadata.emplace(key, text.get_ref<const std::string&>());
  }
  return metadata;
}

void parse_member(const std::string& name, const json& value, SafetensorsHeader& header) {
  try {
    if (name == kSafetensorsMetadata) {
      header.metadata = parse_metadata(value);
    } else {
      header.entries.push_back(parse_entry(name, value));
    }
  } catch (Error& error) {
    error.at_tensor(name);
    throw;
  }
}

/// Sorts the entries by their place and checks that they fill the data from end to end.
void check_ranges(std::vector<SafetensorsEntry>& entries, std::uint64_t data_size) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.begin, a.info.bytes()) < std::tuple(b.begin, b.info.bytes());
  });
  std::uint64_t end = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != end) {
      throw Error(fmt::format("its data begin at byte {} where byte {} is due: {}", entry.begin,
                              end, entry.begin < end ? "tensors overlap" : "a hole"))
          .at_tensor(entry.info.name);
    }
    if (entry.info.bytes() > data_size - end) {
      throw Error(fmt::format("its data end {} bytes after the end of the file",
                              entry.info.bytes() - (data_size - end)),
                  "the file is cut off: get it again")
          .at_tensor(entry.info.name);
    }
    end += entry.info.bytes();
  }
  if (end != data_size) {
    throw Error(fmt::format("{} bytes follow the last tensor", data_size - end));
  }
}

void append_entry(std::string& text, const SafetensorsEntry& entry) {
  append_json_string(text, entry.info.name);
  fmt::format_to(std::back_inserter(text),
                 R"(:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                 name_of(entry.info.dtype), fmt::join(entry.info.shape, ","), entry.begin,
                 entry.begin + entry.info.bytes());
}

void append_metadata(std::string& text,
                     std::span<const std::pair<std::string, std::string>> metadata) {
  append_json_string(text, kSafetensorsMetadata);
  char before = '{';
  text += ':';
  for (const auto& [key, value] : metadata) {
    text += std::exchange(before, ',');
    append_json_string(text, key);
    text += ':';
    append_json_string(text, value);
  }
  text += '}';
}

/// About the bytes of a header's JSON.
std::size_t json_size(std::span<const std::pair<std::string, std::string>> metadata,
                      std::span<const SafetensorsEntry> entries) {
  constexpr std::size_t kEntry = 100;
  std::size_t size = kEntry;
  for (const auto& [key, value] : metadata) size += 2 * value.size();
  for (const SafetensorsEntry& entry : entries) size += kEntry + entry.info.name.size();
  return size;
}

}  // namespace

std::string_view find_safetensors_json(std::span<const std::byte> file) {
  if (file.size() < kLengthSize) {
    throw Error(fmt::format("{} bytes are too few for a safetensors file", file.size()));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthSize);
  if (length > kMaxSafetensorsJson) {
    throw Error(
        fmt::format("header length {} exceeds the limit of {}", length, kMaxSafetensorsJson));
  }
  if (length > file.size() - kLengthSize) {
    throw Error(fmt::format("header length {} exceeds the file of {} bytes", length, file.size()),
                "the file is cut off: get it again");
  }
  return {reinterpret_cast<const char*>(file.data()) + kLengthSize, length};
}

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file) {
  SafetensorsHeader header;
  header.json = find_safetensors_json(file);
  header.data_begin = kLengthSize + header.json.size();
  if (!header.json.starts_with('{')) throw Error("header does not begin with {");
  parse_json_members(header.json, "header", [&](const std::string& name, const json& value) {
    parse_member(name, value, header);
  });
  check_ranges(header.entries, file.size() - header.data_begin);
  return header;
}

std::uint64_t place_entries(std::vector<SafetensorsEntry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    const auto key = [](const TensorInfo& info) {
      return std::tuple(-static_cast<int>(size_of(info.dtype)), std::string_view(info.name));
    };
    return key(a.info) < key(b.info);
  });
  std::uint64_t end = 0;
  for (SafetensorsEntry& entry : entries) {
    if (entry.info.name == kSafetensorsMetadata) {
      throw Error("a safetensors file cannot hold a tensor of this name", "rename it")
          .at_tensor(entry.info.name);
    }
    entry.begin = end;
    end += entry.info.bytes();
  }
  return end;
}

std::string safetensors_json(std::span<const std::pair<std::string, std::string>> metadata,
                             std::span<const SafetensorsEntry> entries) {
  std::string text = "{";
  text.reserve(json_size(metadata, entries));
  if (!metadata.empty()) append_metadata(text, metadata);
  for (const SafetensorsEntry& entry : entries) {
    if (text.size() > 1) text += ',';
    append_entry(text, entry);
  }
  text += '}';
  return text;
}

std::string frame_safetensors_json(std::string_view json, std::uint64_t size) {
  if (size == 0) size = (kLengthSize + json.size() + 7) / 8 * 8;
  if (size < kLengthSize + json.size()) throw Error("header does not fit the space it was given");
  const std::uint64_t length = size - kLengthSize;
  if (length > kMaxSafetensorsJson) {
    throw Error(fmt::format("a header of {} bytes exceeds the {} that safetensors allows", length,
                            kMaxSafetensorsJson));
  }
  std::string text;
  text.reserve(size);
  text.resize(kLengthSize);
  std::memcpy(text.data(), &length, kLengthSize);
  text += json;
  text.resize(size, ' ');
  return text;
}

}  // namespace wquant
