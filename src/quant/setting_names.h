#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "wquant/settings.h"

namespace wquant {

/// The names by which users, reports and files know the choices of the settings.
template <typename E>
struct Choice {
  std::string_view name;
  E value;
};

inline constexpr std::array<Choice<Values>, 2> kValuesChoices = {
    {{"centroid", Values::kCentroid}, {"midpoint", Values::kMidpoint}}};
inline constexpr std::array<Choice<Rescale>, 3> kRescaleChoices = {
    {{"variance", Rescale::kVariance}, {"mse", Rescale::kMse}, {"none", Rescale::kNone}}};
inline constexpr std::array<Choice<RatioRule>, 3> kRatioRuleChoices = {
    {{"auto", RatioRule::kAuto}, {"range", RatioRule::kRange}, {"fixed", RatioRule::kFixed}}};
inline constexpr std::array<Choice<RangeRule>, 2> kRangeChoices = {
    {{"search", RangeRule::kSearch}, {"full", RangeRule::kFull}}};
inline constexpr std::array<Choice<NonFinite>, 2> kNonFiniteChoices = {
    {{"error", NonFinite::kError}, {"keep", NonFinite::kKeep}}};

/// The name of a value of the table.
template <typename E, std::size_t N>
std::string_view choice_name(const std::array<Choice<E>, N>& choices, E value) {
  for (const Choice<E>& choice : choices) {
    if (choice.value == value) return choice.name;
  }
  return "?";
}

/// The value of that name. Throws Error (usage) that lists the names and suggests the nearest;
/// `what` is the noun of the message.
template <typename E, std::size_t N>
E choice_value(const std::array<Choice<E>, N>& choices, std::string_view what,
               std::string_view name);

/// One key of apply() with its value. Throws Error (usage).
void apply_item(TensorSettings& settings, std::string_view key, std::string_view value);

/// Throws Error (usage): `what` has no value `word`, these are valid, is this one meant?
[[noreturn]] void fail_unknown(std::string_view what, std::string_view word,
                               std::span<const std::string_view> valid);

template <typename E, std::size_t N>
E choice_value(const std::array<Choice<E>, N>& choices, std::string_view what,
               std::string_view name) {
  for (const Choice<E>& choice : choices) {
    if (choice.name == name) return choice.value;
  }
  std::array<std::string_view, N> names;
  std::transform(choices.begin(), choices.end(), names.begin(),
                 [](const Choice<E>& choice) { return choice.name; });
  fail_unknown(what, name, names);
}

}  // namespace wquant
