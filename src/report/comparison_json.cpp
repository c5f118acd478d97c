#include <string>

#include "base/json_text.h"
#include "base/setting_names.h"
#include "report/comparison.h"
#include "report/setting_members.h"
#include "report/totals.h"

namespace wquant {
namespace {

constexpr int kComparisonVersion = 1;

void add_granularity(JsonWriter& json, const TensorSettings& settings) {
  json.member("granularity", granularity_text(settings));
}

void add_tensor(JsonWriter& json, const TensorInfo& info, const ComparedTensor& tensor) {
  json.open_object();
  json.member("name", info.name);
  add_settings(json, tensor.settings);
  add_granularity(json, tensor.settings);
  json.member("rho", tensor.rho);
  json.member("relative_error", tensor.relative_error);
  json.member("bytes", tensor.bytes);
  json.close_object();
}

void add_setting(JsonWriter& json, const Comparison& comparison, const ComparedSetting& setting) {
  json.open_object();
  json.member("size", setting.size.empty() ? std::optional<std::string>() : setting.size);
  add_settings(json, setting.settings);
  if (setting.settings.coding == Coding::kEntropy && setting.size.empty()) {
    json.member("entropy_bits", setting.settings.bits);
  }
  add_granularity(json, setting.settings);
  json.member("balance", choice_name(kBalanceChoices, setting.settings.balance));
  json.member("written", setting.written);
  json.member("mean_rho", setting.mean_rho());
  const auto lowest = setting.lowest();
  json.member("lowest_rho", lowest ? std::optional(setting.tensors[*lowest].rho) : std::nullopt);
  json.member("lowest_rho_tensor",
              lowest ? std::optional(comparison.tensors[*lowest].name) : std::nullopt);
  json.member("mean_relative_error", setting.mean_relative_error());
  json.member("file_bytes", setting.file_bytes);
  json.member("file_bytes_known", setting.file_bytes_known);
  json.member("compression_ratio", compression_ratio(comparison.bytes, setting.file_bytes));
  json.member("bits_per_weight", bits_per_weight(setting.file_bytes, comparison.weights));
  json.member("score", setting.score);
  json.open_array("tensors");
  for (std::size_t i = 0; i < setting.tensors.size(); ++i) {
    add_tensor(json, comparison.tensors[i], setting.tensors[i]);
  }
  json.close_array();
  json.close_object();
}

}  // namespace

std::string comparison_json(const Comparison& comparison) {
  JsonWriter json;
  json.open_object();
  json.member("comparison_version", kComparisonVersion);
  json.member("input", comparison.input);
  json.member("weights", comparison.weights);
  json.member("original_bytes", comparison.bytes);
  json.member("score", comparison.score);
  json.open_array("settings");
  for (const ComparedSetting& setting : comparison.settings) {
    add_setting(json, comparison, setting);
  }
  json.close_array();
  json.member("best", comparison.best);
  json.close_object();
  return json.take();
}

}  // namespace wquant
