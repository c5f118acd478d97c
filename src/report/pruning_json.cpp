#include <string>

#include "base/json_text.h"
#include "report/pruning.h"

namespace wquant {
namespace {

constexpr int kPruningVersion = 1;

void add_tensor(JsonWriter& json, const PrunedTensor& tensor) {
  json.open_object();
  json.member("name", tensor.info.name);
  json.array("shape", tensor.info.shape);
  json.member("dtype", name_of(tensor.info.dtype));
  json.member("pruned", tensor.pruned);
  if (!tensor.pruned) json.member("kept_reason", tensor.kept_reason);
  if (!tensor.same_as.empty()) json.member("same_as", tensor.same_as);
  if (tensor.pruned && tensor.same_as.empty()) {
    json.member("weights", tensor.info.count());
    json.member("zeros_before", tensor.zeros_before);
    json.member("removed", tensor.removed);
  }
  json.close_object();
}

}  // namespace

std::string pruning_json(const PruneReport& report) {
  JsonWriter json;
  json.open_object();
  json.member("pruning_version", kPruningVersion);
  json.member("method", name_of(report.method));
  if (report.method == PruneMethod::kRandom) json.member("seed", report.seed);
  json.member("weights", report.weights);
  json.member("zeros_before", report.zeros_before);
  json.member("removed", report.removed);
  json.member("threshold", report.threshold);
  json.member("ties_kept", report.ties_kept);
  json.open_array("tensors");
  for (const PrunedTensor& tensor : report.tensors) add_tensor(json, tensor);
  json.close_array();
  json.close_object();
  return json.take();
}

}  // namespace wquant
