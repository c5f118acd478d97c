#include "formats/quantized_file_settings.h"

#include <fmt/format.h>

#include <array>

#include "base/setting_names.h"
#include "base/text.h"
#include "formats/quantized_file_header.h"
#include "formats/strict_json.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using nlohmann::json;

/// The value that the member `key` names.
template <typename E, std::size_t N>
E parse_choice(const json& object, const char* key, const std::array<NamedValue<E>, N>& choices) {
  const std::string& text = json_text(object, key);
  for (const auto& [name, value] : choices) {
    if (name == text) return value;
  }
  throw Error(fmt::format("{} \"{}\" is not known", key, printable(text, 40)),
              "use a newer wquant");
}

int parse_bits(const json& object) {
  const std::uint64_t bits = json_u64(object, "bits");
  if (bits < 1 || bits > 8) throw Error(fmt::format("bits {} is not in 1..8", bits));
  return static_cast<int>(bits);
}

void parse_granularity(const json& object, TensorSettings& settings) {
  settings.granularity = parse_choice(object, "granularity", kGranularityChoices);
  if (settings.granularity == Granularity::kGroup) settings.group_size = json_u64(object, "run");
}

/// What only codes of a fixed width have a choice of.
void parse_mode(const json& object, TensorSettings& settings) {
  settings.mode = json_text(object, "mode");
  settings.values = parse_choice(object, "values", kValuesChoices);
  settings.rescale = parse_choice(object, "rescale", kRescaleChoices);
  if (object.contains("ratio_rule")) {
    settings.ratio_rule = parse_choice(object, "ratio_rule", kRatioRuleChoices);
  }
  if (object.contains("range")) settings.range = parse_choice(object, "range", kRangeChoices);
  if (object.contains("search")) settings.search = parse_choice(object, "search", kSearchChoices);
  if (object.contains("zero")) settings.zero = parse_choice(object, "zero", kZeroChoices);
}

}  // namespace

bool has_mask(const json& object) {
  return object.contains("coding") && json_text(object, "coding") == kMaskCoding;
}

TensorSettings parse_settings(const json& object) {
  TensorSettings settings;
  if (object.contains("coding") && !has_mask(object)) {
    settings.coding = parse_choice(object, "coding", kCodingChoices);
  }
  if (settings.coding == Coding::kFixed) {
    settings.bits = parse_bits(object);
    parse_mode(object, settings);
  } else if (settings.coding == Coding::kEntropy) {
    settings.mode = kEntropyMode;
  }
  parse_granularity(object, settings);
  settings.balance =
      object.contains("balance") ? parse_choice(object, "balance", kBalanceChoices) : Balance::kOff;
  if (object.contains("axis")) settings.axis = json_u64(object, "axis");
  return settings;
}

}  // namespace wquant
