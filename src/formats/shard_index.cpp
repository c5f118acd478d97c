#include "formats/shard_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/mapped_file.h"
#include "base/text.h"
#include "formats/strict_json.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAnyIndex = ".index.json";
constexpr std::uint64_t kMaxIndex = 100'000'000;

bool is_index(const fs::path& path, std::string_view suffix) {
  return path.filename().string().ends_with(suffix);
}

/// The index files of a folder.
std::vector<fs::path> find_indexes(const fs::path& folder, std::string_view suffix) {
  std::vector<fs::path> found;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    if (is_index(entry.path(), suffix) && !entry.is_directory(code)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

fs::path index_of(const fs::path& path, std::string_view suffix) {
  if (!fs::is_directory(path)) return path;
  const std::vector<fs::path> found = find_indexes(path, suffix);
  if (found.size() == 1) return found.front();
  throw Error(fmt::format("the folder holds {} files *{}", found.size(), suffix),
              "name the one to read");
}

/// Throws unless the name is that of a file beside the index.
void check_file_name(const std::string& name) {
  const bool is_plain = !name.empty() && name != "." && name != ".." &&
                        name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
  if (!is_plain) {
    throw Error(fmt::format("the index puts it into \"{}\", which is no file beside the index",
                            printable(name)));
  }
}

ShardIndex::Entry parse_entry(const std::string& name, const nlohmann::json& value) {
  try {
    if (!value.is_string()) throw Error("the index does not name its file");
    ShardIndex::Entry entry{name, value.get<std::string>()};
    check_file_name(entry.file);
    return entry;
  } catch (Error& error) {
    error.at_tensor(name);
    throw;
  }
}

std::map<std::string, std::string> parse_checksums(const nlohmann::json& metadata) {
  std::map<std::string, std::string> checksums;
  if (!metadata.is_object()) return checksums;
  const auto found = metadata.find(kShardChecksums);
  if (found == metadata.end()) return checksums;
  for (const auto& [file, checksum] : found->items()) {
    if (!checksum.is_string()) throw Error(fmt::format("{} are not all text", kShardChecksums));
    checksums.emplace(file, checksum.get<std::string>());
  }
  return checksums;
}

}  // namespace

bool has_shard_index(const fs::path& path, std::string_view suffix) {
  std::error_code code;
  return fs::is_directory(path, code) ? !find_indexes(path, suffix).empty()
                                      : is_index(path, suffix);
}

ShardIndex read_shard_index(const fs::path& path, std::string_view suffix) {
  ShardIndex index;
  index.path = index_of(path, suffix);
  const MappedFile file(index.path);
  if (file.bytes().size() > kMaxIndex) {
    throw Error(
        fmt::format("the index has {} bytes, more than {}", file.bytes().size(), kMaxIndex));
  }
  const auto take = [&](const std::string& name, const nlohmann::json& value) {
    if (name == "weight_map" && !value.is_null()) throw Error("its weight_map is no object");
    if (name == "metadata") index.checksums = parse_checksums(value);
  };
  const auto add = [&](const std::string& name, const nlohmann::json& value) {
    index.entries.push_back(parse_entry(name, value));
  };
  parse_json_members({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()},
                     "the index", take, {"weight_map", add});
  if (index.entries.empty()) {
    throw Error("the index lists no tensor: its weight_map is missing or empty");
  }
  return index;
}

bool is_shard_of(const fs::path& file, const fs::path& path) {
  std::error_code code;
  if (!is_index(path, kAnyIndex) || fs::is_directory(path, code)) return false;
  try {
    for (const ShardIndex::Entry& entry : read_shard_index(path, kAnyIndex).entries) {
      if (fs::equivalent(file, path.parent_path() / entry.file, code) && !code) return true;
    }
  } catch (const Error&) {
    return false;  // Opening it tells what is wrong.
  }
  return false;
}

}  // namespace wquant
