#include "cli/setting_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "base/number.h"
#include "base/text.h"
#include "base/usage.h"
#include "cli/weights_file.h"
#include "wquant/codebook.h"

namespace wquant {
namespace {

constexpr std::string_view kBits = "bits";
/// A range that is longer is no range of bits, which is said where the first wrong one is applied.
constexpr std::size_t kMostInRange = 16;

/// One option that settings.h knows by its key.
struct SettingRow {
  std::string_view key, values, help;
};

/// In the order in which they are applied: coding may come with a mode, and a mode with bits.
constexpr std::array<SettingRow, 12> kSettingRows = {{
    {"mode", "", "family of the levels (default exp)"},
    {"coding", "fixed|entropy|f16|auto", "how codes are stored (default fixed), auto: for a size"},
    {"bits", "N", "bits of a code, 1 to 8"},
    {"ratio", "auto|range|R", "ratio of neighbouring intervals of exp (default auto)"},
    {"range", "search|full", "outermost level of linear (default search)"},
    {"values", "centroid|midpoint", "value of an interval (default centroid)"},
    {"rescale", "variance|mse|none", "scale of the levels (default variance)"},
    {"search", "auto|exact", "exact: the proven best x0, in more time (default auto)"},
    {"zero", "auto|keep|off", "weights of exactly 0 stay 0: auto: where many are (default)"},
    {"balance", "auto|off|channel|kernel", "whose errors shall add up to zero (default auto)"},
    {"granularity", "tensor|channel|group:N", "weights that share a scale (default tensor)"},
    {"axis", "auto|N", "axis of the output channels (default auto: by the format)"},
}};

std::string mode_names() {
  std::vector<std::string_view> names;
  for (const FamilyInfo& family : families()) names.push_back(family.name);
  return fmt::format("{}", fmt::join(names, "|"));
}

/// Whose values may be a list where there is a choice.
bool can_be_chosen(std::string_view key) {
  return key == "mode" || key == "granularity" || key == "coding";
}

bool may_be_list(std::string_view key, Lists lists) {
  if (lists == Lists::kNone) return false;
  return can_be_chosen(key) || (key == kBits && lists == Lists::kCompared);
}

[[noreturn]] void fail_list(std::string_view key, const std::string& value) {
  const bool could = can_be_chosen(key);
  fail_usage(fmt::format("--{} {} is more than one value", key, printable(value)),
             could ? "give one value, or a --target-size to choose for" : "give one value");
}

/// "3-5" as 3, 4 and 5; what is no range stays what it is.
std::vector<std::string> range_values(const std::string& text) {
  const std::size_t dash = text.find('-', 1);
  if (dash == std::string::npos) return {text};
  const auto first = parse_number<int>(text.substr(0, dash));
  const auto last = parse_number<int>(text.substr(dash + 1));
  if (!first || !last || *first > *last) return {text};
  std::vector<std::string> values;
  for (std::int64_t value = *first; value <= *last && values.size() < kMostInRange; ++value) {
    values.push_back(std::to_string(value));
  }
  return values;
}

bool has_one_width(std::string_view mode) {
  const auto family = std::ranges::find(families(), mode, &FamilyInfo::name);
  return family->min_bits == family->max_bits;
}

/// "RE:items" at the last colon that a key follows: values may hold colons too.
SettingsRule rule_of(const std::string& text) {
  std::size_t colon = std::string::npos;
  for (std::size_t at = text.find(':'); at != std::string::npos; at = text.find(':', at + 1)) {
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at + 1);
    if (end != std::string::npos && text[end] == '=') colon = at;
  }
  if (colon == std::string::npos) {
    fail_usage(fmt::format("--set {} has no settings", printable(text)),
               "write for example --set 'head:bits=5,mode=linear'");
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

NonFinite nonfinite_of(const std::string& word) {
  static constexpr std::array<std::string_view, 2> kWords = {"error", "keep"};
  if (word == kWords[0]) return NonFinite::kError;
  if (word == kWords[1]) return NonFinite::kKeep;
  fail_usage(fmt::format("unknown --nonfinite {}", printable(word)), suggest(word, kWords));
}

/// What stands for the key: automatic coding for all that there is.
std::vector<std::string> values_of(std::string_view key, const std::string& text, Lists lists) {
  const bool all_codings = key == "coding" && text == "auto";
  const std::string list = all_codings ? "fixed,entropy,f16" : text;
  std::vector<std::string> values = split(list);
  if (values.size() > 1 && !may_be_list(key, lists)) fail_list(key, list);
  if (key != kBits || lists != Lists::kCompared) return values;
  std::vector<std::string> widths;
  for (const std::string& value : values) {
    for (std::string& width : range_values(value)) widths.push_back(std::move(width));
  }
  return widths;
}

/// In the order in which they came; some are alike, because coding at the entropy knows one mode.
std::vector<TensorSettings> different(std::vector<TensorSettings> all) {
  std::vector<TensorSettings> kept;
  for (TensorSettings& one : all) {
    if (std::ranges::find(kept, one) == kept.end()) kept.push_back(std::move(one));
  }
  return kept;
}

}  // namespace

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> values(1);
  for (const char c : list) {
    if (c == ',') {
      values.emplace_back();
    } else {
      values.back() += c;
    }
  }
  return values;
}

SettingOptions::SettingOptions() : typed_(kSettingRows.size()), options_(kSettingRows.size()) {}

void SettingOptions::add_to(Parser& parser, const std::string& bits) {
  add_settings(parser, bits);
  add_selection(parser);
}

void SettingOptions::add_settings(Parser& parser, const std::string& bits) {
  for (std::size_t i = 0; i < kSettingRows.size(); ++i) {
    const SettingRow& row = kSettingRows[i];
    std::string help(row.help);
    if (row.key == kBits) help += fmt::format(" (default {})", bits);
    options_[i] = parser.add_option(fmt::format("--{}", row.key), typed_[i], help);
    options_[i]->type_name(row.values.empty() ? mode_names() : std::string(row.values));
  }
}

void SettingOptions::add_selection(Parser& parser) {
  include_option_ =
      parser.add_option("--include", include_, "quantize only tensors whose name matches");
  include_option_->type_name("REGEX");
  exclude_option_ = parser.add_option("--exclude", exclude_, "keep tensors whose name matches");
  exclude_option_->type_name("REGEX");
  parser
      .add_option("--set", rules_,
                  "other settings for tensors whose name matches: 'REGEX:bits=5,mode=linear'")
      ->type_name("RULE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  parser.add_flag("--all", all_, "tensors of less than 2 dimensions too");
  parser.add_flag("--strict", strict_, "a kept float tensor of 2 or more dimensions is an error");
  parser
      .add_option("--weights", weights_,
                  "JSON object: name of a tensor -> factor of its error in a size's sum")
      ->type_name("FILE");
  parser.add_option("--nonfinite", nonfinite_, "what a NaN or infinity does (default error)")
      ->type_name("error|keep");
}

std::optional<std::string> SettingOptions::typed(std::string_view key) const {
  const auto row = std::ranges::find(kSettingRows, key, &SettingRow::key) - kSettingRows.begin();
  const auto i = static_cast<std::size_t>(row);
  return options_[i]->count() > 0 ? std::optional(typed_[i]) : std::nullopt;
}

std::optional<std::string> SettingOptions::bits() const { return typed(kBits); }

std::optional<std::string> SettingOptions::coding() const { return typed("coding"); }

/// What no tensor would have.
void SettingOptions::refuse_unused() const {
  const std::string coding = typed("coding").value_or("");
  for (const SettingRow& row : kSettingRows) {
    const std::optional<std::string> value = typed(row.key);
    const bool is_mode = row.key == "mode" && value != kEntropyMode;
    const bool is_unused = coding == name_of(Coding::kF16)
                               ? row.key != "coding"
                               : coding == name_of(Coding::kEntropy) && is_mode;
    if (!value || !is_unused) continue;
    fail_usage(fmt::format("--{} {} is not for --coding {}", row.key, printable(*value), coding),
               fmt::format("leave --{} out or give --coding auto", row.key));
  }
}

/// Where a size is asked for and no coding, those that are decoded weight by weight.
std::optional<std::string> SettingOptions::text_of(std::string_view key, Lists lists) const {
  std::optional<std::string> text = typed(key);
  if (!text && key == "coding" && lists == Lists::kForSize) return "fixed,f16";
  return text;
}

std::vector<TensorSettings> SettingOptions::combinations(
    Lists lists, const std::optional<std::string>& bits) const {
  std::vector<TensorSettings> all(1);
  for (const SettingRow& row : kSettingRows) {
    const std::optional<std::string> text = row.key == kBits ? bits : text_of(row.key, lists);
    if (!text) continue;
    const std::vector<std::string> values = values_of(row.key, *text, lists);
    std::vector<TensorSettings> more;
    for (const TensorSettings& before : all) {
      const bool keeps =
          before.coding == Coding::kF16 ||
          (row.key == kBits && lists == Lists::kCompared && has_one_width(before.mode));
      for (const std::string& value : values) {
        more.push_back(before);
        if (!keeps) wquant::apply(more.back(), fmt::format("{}={}", row.key, value));
      }
    }
    all = different(std::move(more));
  }
  return all;
}

Settings SettingOptions::selection() const {
  Settings settings;
  for (const std::string& rule : rules_) settings.rules.push_back(rule_of(rule));
  if (include_option_->count() > 0) settings.include = include_;
  if (exclude_option_->count() > 0) settings.exclude = exclude_;
  settings.all = all_;
  settings.strict = strict_;
  settings.nonfinite = nonfinite_of(nonfinite_);
  if (!weights_.empty()) settings.weights = read_weights(weights_);
  return settings;
}

std::vector<Settings> SettingOptions::read(Lists lists,
                                           const std::optional<std::string>& bits) const {
  refuse_unused();
  const Settings selected = selection();
  std::vector<Settings> all;
  for (const TensorSettings& tensor : combinations(lists, bits)) {
    check(tensor);
    all.push_back(selected);
    all.back().tensor = tensor;
  }
  return all;
}

}  // namespace wquant
