#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// What a folder of safetensors files with an index holds.

inline constexpr std::string_view kShardIndexName = "model.safetensors.index.json";
inline constexpr std::array<std::string_view, 2> kShardSuffixes = {".safetensors",
                                                                   ".safetensors.index.json"};

/// The tensors of one file, by their indices.
using Shard = std::vector<std::size_t>;

/// Shares out tensors of these sizes, in order: each file holds at most `most` bytes, or one
/// tensor.
std::vector<Shard> share_out(std::span<const std::uint64_t> sizes, std::uint64_t most);

/// "model-00001-of-00003.safetensors" for number 0 of 3.
std::string shard_file_name(std::size_t number, std::size_t count);

/// The text of an index, member by member.
class ShardIndexText {
 public:
  /// Adds a tensor that is stored in a file.
  void add(std::string_view tensor, std::string_view file, std::uint64_t bytes);
  /// Adds the checksum of a file's header.
  void add_checksum(std::string_view file, std::string_view checksum);

  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::string> places_, checksums_;
  std::uint64_t bytes_ = 0;
};

}  // namespace wquant
