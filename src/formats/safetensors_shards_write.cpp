#include <string>
#include <vector>

#include "base/output_file.h"
#include "formats/output_folder.h"
#include "formats/safetensors.h"
#include "formats/safetensors_shards.h"
#include "formats/shard_files.h"
#include "formats/slabs.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

std::vector<Shard> share_out_tensors(const ModelReader& model, std::uint64_t shard_size) {
  std::vector<std::uint64_t> sizes;
  for (const TensorInfo& info : model.tensors()) sizes.push_back(info.bytes());
  return share_out(sizes, shard_size);
}

std::string make_index(const ModelReader& model, const std::vector<Shard>& shards) {
  ShardIndexText index;
  for (std::size_t number = 0; number < shards.size(); ++number) {
    for (const std::size_t i : shards[number]) {
      const TensorInfo& info = model.tensors()[i];
      index.add(info.name, shard_file_name(number, shards.size()), info.bytes());
    }
  }
  return index.text();
}

void write_folder(const ModelReader& model, const fs::path& path, Overwrite overwrite,
                  const RunOptions& options) {
  if (model.tensors().empty()) throw Error("the model has no tensors", "write safetensors");
  const std::vector<Shard> shards = share_out_tensors(model, options.shard_size);
  const std::string index = make_index(model, shards);
  OutputFolder folder(path, overwrite, kShardSuffixes);
  Meter meter(options, total_bytes(model));
  for (std::size_t number = 0; number < shards.size(); ++number) {
    write_safetensors_part(model, shards[number],
                           folder.temporary_path() / shard_file_name(number, shards.size()),
                           Overwrite::kRefuse, meter);
  }
  OutputFile file(folder.temporary_path() / kShardIndexName, Overwrite::kRefuse, index.size());
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
