#include "wquant/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "base/number.h"
#include "base/text.h"
#include "quant/family_settings.h"
#include "quant/setting_names.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr int kMinBits = 1, kMaxBits = 8;
/// The widest interval of 8 bits is r^127 times the first: 100^127 still is a double.
constexpr std::uint64_t kMinGroup = 2, kMaxGroup = std::uint64_t{1} << 32;
constexpr double kMaxWeight = 1e9;
constexpr double kMinRatio = 1, kMaxRatio = 100;

[[noreturn]] void fail_usage(std::string problem, std::string remedy) {
  throw Error(std::move(problem), std::move(remedy), ErrorKind::kUsage);
}

[[noreturn]] void fail_bits(std::string_view value) {
  fail_usage(fmt::format("bits \"{}\" is not a whole number from {} to {}", printable(value),
                         kMinBits, kMaxBits),
             "give for example 4");
}

[[noreturn]] void fail_ratio(std::string_view value) {
  fail_usage(fmt::format("ratio \"{}\" is neither auto nor range nor a number from {} to {}",
                         printable(value), kMinRatio, kMaxRatio),
             "give for example auto or 1.5");
}

std::vector<std::string_view> family_names() {
  std::vector<std::string_view> names;
  for (const FamilyInfo& family : families()) names.push_back(family.name);
  return names;
}

void check_mode(std::string_view mode) {
  const std::vector<std::string_view> names = family_names();
  if (std::find(names.begin(), names.end(), mode) == names.end()) fail_unknown("mode", mode, names);
}

void set_bits(TensorSettings& settings, std::string_view value) {
  const auto bits = parse_number<int>(value);
  if (!bits || *bits < kMinBits || *bits > kMaxBits) fail_bits(value);
  settings.bits = *bits;
}

void set_mode(TensorSettings& settings, std::string_view value) {
  check_mode(value);
  set_family(settings, value);
}

bool is_ratio(double ratio) { return ratio >= kMinRatio && ratio <= kMaxRatio; }

void set_ratio(TensorSettings& settings, std::string_view value) {
  settings.ratio = 0;
  if (value == "auto" || value == "range") {
    settings.ratio_rule = choice_value(kRatioRuleChoices, "ratio", value);
    return;
  }
  const auto ratio = parse_number<double>(value);
  if (!ratio || !is_ratio(*ratio)) fail_ratio(value);
  settings.ratio_rule = RatioRule::kFixed;
  settings.ratio = *ratio;
}

void set_axis(TensorSettings& settings, std::string_view value) {
  settings.axis.reset();
  if (value == "auto") return;
  settings.axis = parse_number<std::size_t>(value);
  if (settings.axis) return;
  fail_usage(
      fmt::format("axis \"{}\" is neither auto nor a whole number from 0 on", printable(value)),
      "give for example 0");
}

[[noreturn]] void fail_group(std::string_view value) {
  fail_usage(fmt::format("group size \"{}\" is not a whole number from {} to {}", printable(value),
                         kMinGroup, kMaxGroup),
             "give for example group:64");
}

bool is_group(std::uint64_t size) { return size >= kMinGroup && size <= kMaxGroup; }

[[noreturn]] void fail_weight(std::string_view value) {
  fail_usage(
      fmt::format("weight \"{}\" is not a number from 0 to {}", printable(value), kMaxWeight),
      "give for example 0.3");
}

bool is_weight(double weight) { return weight >= 0 && weight <= kMaxWeight; }

/// "tensor", "channel", "channel:AXIS" or "group:SIZE"
void set_granularity(TensorSettings& settings, std::string_view value) {
  const std::size_t colon = std::min(value.find(':'), value.size());
  const std::string_view word = value.substr(0, colon);
  const std::string_view rest = value.substr(std::min(colon + 1, value.size()));
  settings.granularity = choice_value(kGranularityChoices, "granularity", word);
  settings.group_size = 0;
  if (settings.granularity == Granularity::kGroup) {
    const auto size = parse_number<std::uint64_t>(rest);
    if (!size || !is_group(*size)) fail_group(rest);
    settings.group_size = *size;
  } else if (settings.granularity == Granularity::kChannel && colon != value.size()) {
    set_axis(settings, rest);
  } else if (colon != value.size()) {
    fail_usage(fmt::format("granularity \"{}\" takes nothing after {}", printable(value), word),
               "give tensor, channel, channel:AXIS or group:SIZE");
  }
}

/// Levels near the multiples of a step are those of no other mode; F16 has neither levels nor what
/// goes with them.
void set_coding(TensorSettings& settings, std::string_view value) {
  settings.coding = choice_value(kCodingChoices, "coding", value);
  if (settings.coding == Coding::kEntropy) set_family(settings, kEntropyMode);
  if (settings.coding == Coding::kF16) {
    const double weight = settings.weight;
    settings = {};
    settings.coding = Coding::kF16;
    settings.balance = Balance::kOff;
    settings.weight = weight;
  }
}

void set_weight(TensorSettings& settings, std::string_view value) {
  const auto weight = parse_number<double>(value);
  if (!weight || !is_weight(*weight)) fail_weight(value);
  settings.weight = *weight;
}

struct Key {
  std::string_view name;
  void (*set)(TensorSettings& settings, std::string_view value);
};

constexpr std::array<Key, 13> kKeys = {
    {{"bits", set_bits},
     {"mode", set_mode},
     {"values",
      [](TensorSettings& settings, std::string_view value) {
        settings.values = choice_value(kValuesChoices, "values", value);
      }},
     {"rescale",
      [](TensorSettings& settings, std::string_view value) {
        settings.rescale = choice_value(kRescaleChoices, "rescale", value);
      }},
     {"ratio", set_ratio},
     {"range",
      [](TensorSettings& settings, std::string_view value) {
        settings.range = choice_value(kRangeChoices, "range", value);
      }},
     {"search",
      [](TensorSettings& settings, std::string_view value) {
        settings.search = choice_value(kSearchChoices, "search", value);
      }},
     {"zero",
      [](TensorSettings& settings, std::string_view value) {
        settings.zero = choice_value(kZeroChoices, "zero", value);
      }},
     {"balance",
      [](TensorSettings& settings, std::string_view value) {
        settings.balance = choice_value(kBalanceChoices, "balance", value);
      }},
     {"granularity", set_granularity},
     {"coding", set_coding},
     {"axis", set_axis},
     {"weight", set_weight}}};

const Key& find_key(std::string_view name) {
  std::array<std::string_view, kKeys.size()> names;
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    if (kKeys[i].name == name) return kKeys[i];
    names[i] = kKeys[i].name;
  }
  fail_unknown("setting", name, names);
}

/// An exact search needs an x0 to search, a ratio that does not follow from it, and centroids.
void check_exact(const TensorSettings& settings) {
  const auto fail = [](std::string_view what) {
    fail_usage(fmt::format("search exact is not for {}", what), "leave search auto or that out");
  };
  if (settings.ratio_rule == RatioRule::kRange) fail("ratio range, which follows x0");
  if (settings.range == RangeRule::kFull) fail("range full, which leaves no x0 to search");
  if (settings.values == Values::kMidpoint) fail("values midpoint");
  if (settings.zero == Zero::kKeep) fail("zero keep, whose levels follow no x0");
  if (settings.granularity != Granularity::kTensor) {
    fail(fmt::format("granularity {}, whose scales are searched too", granularity_text(settings)));
  }
  for (const FamilyInfo& family : families()) {
    if (family.name == settings.mode && !family.has_values) {
      fail(fmt::format("mode {}, which has no x0", settings.mode));
    }
  }
}

/// What coding entropy leaves no choice of.
void check_entropy(const TensorSettings& settings) {
  const auto fail = [](std::string_view what) {
    fail_usage(fmt::format("coding entropy is not for {}", what),
               "leave that out or give coding=fixed");
  };
  if (settings.mode != kEntropyMode) fail(fmt::format("mode {}", settings.mode));
  if (settings.values != Values::kCentroid) fail("values midpoint");
  if (settings.range != RangeRule::kSearch) fail("range full");
  if (settings.search != SearchRule::kAuto) fail("search exact");
}

/// F16 leaves no choice at all.
void check_f16(const TensorSettings& settings) {
  const auto fail = [](std::string_view what) {
    fail_usage(fmt::format("coding f16 is not for {}", what),
               "leave that out or give coding=fixed");
  };
  if (settings.granularity != Granularity::kTensor) {
    fail(fmt::format("granularity {}", granularity_text(settings)));
  }
  if (settings.balance != Balance::kOff) {
    fail(fmt::format("balance {}", choice_name(kBalanceChoices, settings.balance)));
  }
}

/// Cuts the front up to the next comma off `items`.
std::string_view next_item(std::string_view& items) {
  const std::size_t comma = items.find(',');
  const std::string_view item = items.substr(0, comma);
  items.remove_prefix(comma == std::string_view::npos ? items.size() : comma + 1);
  return item;
}

/// Keys that come with settings which the other items may contradict, wherever they stand.
constexpr std::array<std::string_view, 2> kFirstKeys = {"coding", "mode"};

bool is_first(std::string_view key) {
  return std::ranges::find(kFirstKeys, key) != kFirstKeys.end();
}

/// The value of the first item with that key.
std::optional<std::string_view> value_of(std::string_view items, std::string_view key) {
  while (!items.empty()) {
    const std::string_view item = next_item(items);
    if (item.starts_with(key) && item.substr(key.size()).starts_with('=')) {
      return item.substr(key.size() + 1);
    }
  }
  return {};
}

}  // namespace

std::string_view name_of(Values values) { return choice_name(kValuesChoices, values); }
std::string_view name_of(Rescale rescale) { return choice_name(kRescaleChoices, rescale); }
std::string_view name_of(RangeRule range) { return choice_name(kRangeChoices, range); }
std::string_view name_of(SearchRule search) { return choice_name(kSearchChoices, search); }
std::string_view name_of(Zero zero) { return choice_name(kZeroChoices, zero); }
std::string_view name_of(Balance balance) { return choice_name(kBalanceChoices, balance); }

std::string_view name_of(Coding coding) { return choice_name(kCodingChoices, coding); }

int width_of(const TensorSettings& settings) {
  constexpr int kHalf = 16;
  return settings.coding == Coding::kF16 ? kHalf : settings.bits;
}

std::string granularity_text(const TensorSettings& settings) {
  std::string text(choice_name(kGranularityChoices, settings.granularity));
  if (settings.granularity == Granularity::kGroup) text += fmt::format(":{}", settings.group_size);
  return text;
}

std::string ratio_text(const TensorSettings& settings) {
  if (settings.ratio_rule == RatioRule::kFixed) return fmt::format("{}", settings.ratio);
  return std::string(choice_name(kRatioRuleChoices, settings.ratio_rule));
}

void fail_unknown(std::string_view what, std::string_view word,
                  std::span<const std::string_view> valid) {
  fail_usage(fmt::format("unknown {} \"{}\"", what, printable(word)), suggest(word, valid));
}

void apply_item(TensorSettings& settings, std::string_view key, std::string_view value) {
  find_key(key).set(settings, value);
}

void apply(TensorSettings& settings, std::string_view items) {
  for (const std::string_view key : kFirstKeys) {
    if (const auto value = value_of(items, key)) apply_item(settings, key, *value);
  }
  std::vector<std::string_view> seen;
  const bool dangling = items.empty() || items.back() == ',';
  while (!items.empty()) {
    const std::string_view item = next_item(items);
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      fail_usage(fmt::format("\"{}\" is not of the form key=value", printable(item)),
                 "write for example bits=5,mode=linear");
    }
    const std::string_view key = item.substr(0, equals);
    if (!is_first(key)) apply_item(settings, key, item.substr(equals + 1));
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      fail_usage(fmt::format("{} is given twice", key), "leave one of them out");
    }
    seen.push_back(key);
  }
  if (dangling) fail_usage("an item is empty", "write for example bits=5,mode=linear");
}

void check(const TensorSettings& settings) {
  if (settings.bits < kMinBits || settings.bits > kMaxBits)
    fail_bits(std::to_string(settings.bits));
  check_mode(settings.mode);
  if (settings.ratio_rule == RatioRule::kFixed && !is_ratio(settings.ratio)) {
    fail_ratio(fmt::format("{}", settings.ratio));
  }
  if (settings.ratio_rule != RatioRule::kAuto && settings.mode != "exp") {
    fail_usage(fmt::format("a ratio is set but mode {} has none", settings.mode),
               "leave ratio auto or choose mode exp");
  }
  if (settings.range == RangeRule::kFull && settings.mode != "linear") {
    fail_usage(fmt::format("range full is not for mode {}", settings.mode),
               "leave range search, choose mode linear, or ratio range for mode exp");
  }
  if (settings.granularity == Granularity::kGroup && !is_group(settings.group_size)) {
    fail_group(std::to_string(settings.group_size));
  }
  if (!is_weight(settings.weight)) fail_weight(fmt::format("{}", settings.weight));
  if (settings.search == SearchRule::kExact) check_exact(settings);
  if (settings.coding == Coding::kEntropy) check_entropy(settings);
  if (settings.coding == Coding::kF16) check_f16(settings);
  check_family(settings);
}

}  // namespace wquant
