#include "formats/shard_files.h"

#include <fmt/format.h>

#include "formats/shard_index.h"
#include "formats/strict_json.h"

namespace wquant {

std::vector<Shard> share_out(std::span<const std::uint64_t> sizes, std::uint64_t most) {
  std::vector<Shard> shards(1);
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (!shards.back().empty() && (size > most || sizes[i] > most - size)) {
      shards.emplace_back();
      size = 0;
    }
    shards.back().push_back(i);
    size += sizes[i];
  }
  return shards;
}

std::string shard_file_name(std::size_t number, std::size_t count) {
  return fmt::format("model-{:05}-of-{:05}.safetensors", number + 1, count);
}

void ShardIndexText::add(std::string_view tensor, std::string_view file, std::uint64_t bytes) {
  places_.push_back(fmt::format("    {}: {}", json_string(tensor), json_string(file)));
  bytes_ += bytes;
}

void ShardIndexText::add_checksum(std::string_view file, std::string_view checksum) {
  checksums_.push_back(fmt::format("      {}: {}", json_string(file), json_string(checksum)));
}

std::string ShardIndexText::text() const {
  const std::string checksums =
      checksums_.empty() ? std::string()
                         : fmt::format(",\n    {}: {{\n{}\n    }}", json_string(kShardChecksums),
                                       fmt::join(checksums_, ",\n"));
  return fmt::format(
      "{{\n  \"metadata\": {{\n    \"total_size\": {}{}\n  }},\n"
      "  \"weight_map\": {{\n{}\n  }}\n}}\n",
      bytes_, checksums, fmt::join(places_, ",\n"));
}

}  // namespace wquant
