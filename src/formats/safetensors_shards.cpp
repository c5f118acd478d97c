#include "formats/safetensors_shards.h"

#include "formats/safetensors.h"
#include "formats/shard_index.h"
#include "formats/sharded_model.h"

namespace wquant {

bool safetensors_shards_claims(const Probe& probe) {
  return has_shard_index(probe.path, kSafetensorsIndex);
}

std::unique_ptr<ModelReader> open_safetensors_shards(const std::filesystem::path& path) {
  return open_sharded(path, {"safetensors-shards", kSafetensorsIndex, open_safetensors});
}

}  // namespace wquant
