#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

#include "base/output_file.h"
#include "formats/output_folder.h"
#include "formats/safetensors.h"
#include "formats/safetensors_shards.h"
#include "formats/slabs.h"
#include "formats/strict_json.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr std::array<std::string_view, 2> kSuffixes = {".safetensors", ".safetensors.index.json"};

using Shard = std::vector<std::size_t>;

/// Which tensors go into each file.
std::vector<Shard> share_out(const ModelReader& model, std::uint64_t shard_size) {
  std::vector<Shard> shards(1);
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const std::uint64_t bytes = model.tensors()[i].bytes();
    if (!shards.back().empty() && (size > shard_size || bytes > shard_size - size)) {
      shards.emplace_back();
      size = 0;
    }
    shards.back().push_back(i);
    size += bytes;
  }
  return shards;
}

std::string file_name(std::size_t number, std::size_t count) {
  return fmt::format("model-{:05}-of-{:05}.safetensors", number + 1, count);
}

std::string make_index(const ModelReader& model, const std::vector<Shard>& shards) {
  std::vector<std::string> lines;
  for (std::size_t number = 0; number < shards.size(); ++number) {
    for (const std::size_t index : shards[number]) {
      lines.push_back(fmt::format("    {}: \"{}\"", json_string(model.tensors()[index].name),
                                  file_name(number, shards.size())));
    }
  }
  return fmt::format(
      "{{\n  \"metadata\": {{\n    \"total_size\": {}\n  }},\n  \"weight_map\": {{\n{}\n  }}\n}}\n",
      total_bytes(model), fmt::join(lines, ",\n"));
}

void write_folder(const ModelReader& model, const fs::path& path, Overwrite overwrite,
                  const RunOptions& options) {
  if (model.tensors().empty()) throw Error("the model has no tensors", "write safetensors");
  const std::vector<Shard> shards = share_out(model, options.shard_size);
  const std::string index = make_index(model, shards);
  OutputFolder folder(path, overwrite, kSuffixes);
  Meter meter(options, total_bytes(model));
  for (std::size_t number = 0; number < shards.size(); ++number) {
    write_safetensors_part(model, shards[number],
                           folder.temporary_path() / file_name(number, shards.size()),
                           Overwrite::kRefuse, meter);
  }
  OutputFile file(folder.temporary_path() / kIndex, Overwrite::kRefuse, index.size());
  file.append(index);
  file.commit();
  folder.commit();
}

}  // namespace

void write_safetensors_shards(const ModelReader& model, const fs::path& path, Overwrite overwrite,
                              const RunOptions& options) {
  write_output_folder(
      path, [&](const fs::path& folder) { write_folder(model, folder, overwrite, options); });
}

}  // namespace wquant
