#include "formats/pytorch.h"
#include "formats/shard_index.h"
#include "formats/sharded_model.h"

namespace wquant {
namespace {

constexpr std::string_view kIndex = ".bin.index.json";

}  // namespace

bool pytorch_shards_claims(const Probe& probe) { return has_shard_index(probe.path, kIndex); }

std::unique_ptr<ModelReader> open_pytorch_shards(const std::filesystem::path& path) {
  return open_sharded(path, {"pytorch-shards", kIndex, open_pytorch});
}

}  // namespace wquant
