#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/setting_names.h"
#include "wquant/settings.h"

namespace wquant {

/// The value of that name. Throws Error (usage) that lists the names and suggests the nearest;
/// `what` is the noun of the message.
template <typename E, std::size_t N>
E choice_value(const std::array<NamedValue<E>, N>& choices, std::string_view what,
               std::string_view name);

/// One key of apply() with its value. Throws Error (usage).
void apply_item(TensorSettings& settings, std::string_view key, std::string_view value);

/// Throws Error (usage): `what` has no value `word`, these are valid, is this one meant?
[[noreturn]] void fail_unknown(std::string_view what, std::string_view word,
                               std::span<const std::string_view> valid);

template <typename E, std::size_t N>
E choice_value(const std::array<NamedValue<E>, N>& choices, std::string_view what,
               std::string_view name) {
  for (const NamedValue<E>& choice : choices) {
    if (choice.name == name) return choice.value;
  }
  std::array<std::string_view, N> names;
  std::transform(choices.begin(), choices.end(), names.begin(),
                 [](const NamedValue<E>& choice) { return choice.name; });
  fail_unknown(what, name, names);
}

}  // namespace wquant
