#include "report/setting_members.h"

#include <optional>

#include "base/setting_names.h"

namespace wquant {

void add_settings(JsonWriter& json, const TensorSettings& settings) {
  json.member("coding", choice_name(kCodingChoices, settings.coding));
  json.member("bits", settings.coding == Coding::kFixed ? std::optional(settings.bits)
                                                        : std::optional<int>());
  if (settings.coding == Coding::kF16) return json.member("mode", nullptr);
  json.member("mode", settings.mode);
  json.member("values", choice_name(kValuesChoices, settings.values));
  json.member("rescale", choice_name(kRescaleChoices, settings.rescale));
  json.member("ratio_rule", choice_name(kRatioRuleChoices, settings.ratio_rule));
  json.member("range", choice_name(kRangeChoices, settings.range));
  json.member("search", choice_name(kSearchChoices, settings.search));
  if (settings.zero != Zero::kAuto) json.member("zero", choice_name(kZeroChoices, settings.zero));
}

}  // namespace wquant
