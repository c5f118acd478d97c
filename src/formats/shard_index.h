#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// The index of a model in several files of one folder: a JSON object whose member "weight_map"
/// maps each tensor's name to the name of its file, which lies beside the index.
struct ShardIndex {
  struct Entry {
    std::string tensor, file;
  };

  std::filesystem::path path;
  std::vector<Entry> entries;  ///< In the order of the text.
  /// What the member "metadata" says of the files' headers under kShardChecksums; by file.
  std::map<std::string, std::string> checksums;
};

/// Member of an index's "metadata" that maps the name of each file to the checksum of its header.
inline constexpr std::string_view kShardChecksums = "wquant.header_checksums";

/// True when `path` is an index, or a folder that holds one; told by names that end in `suffix`.
bool has_shard_index(const std::filesystem::path& path, std::string_view suffix);

/// Reads the index that `path` is or holds. Throws Error naming the tensor for an index that is
/// damaged or leads out of its folder.
ShardIndex read_shard_index(const std::filesystem::path& path, std::string_view suffix);

/// True when `path` is an index that lists `file`, whatever the format of its files.
bool is_shard_of(const std::filesystem::path& file, const std::filesystem::path& path);

}  // namespace wquant
