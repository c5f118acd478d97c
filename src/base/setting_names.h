#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "wquant/settings.h"

namespace wquant {

/// The choices of the settings by the names that options, files and reports use for them.
template <typename E>
using ChoiceName = std::pair<std::string_view, E>;

inline constexpr std::array<ChoiceName<Values>, 2> kValuesNames = {
    {{"centroid", Values::kCentroid}, {"midpoint", Values::kMidpoint}}};
inline constexpr std::array<ChoiceName<Rescale>, 3> kRescaleNames = {
    {{"variance", Rescale::kVariance}, {"mse", Rescale::kMse}, {"none", Rescale::kNone}}};
inline constexpr std::array<ChoiceName<RatioRule>, 3> kRatioRuleNames = {
    {{"auto", RatioRule::kAuto}, {"range", RatioRule::kRange}, {"fixed", RatioRule::kFixed}}};
inline constexpr std::array<ChoiceName<RangeRule>, 2> kRangeNames = {
    {{"search", RangeRule::kSearch}, {"full", RangeRule::kFull}}};

/// The name of a choice; "?" for a value that is none.
template <typename E, std::size_t N>
constexpr std::string_view choice_name(const std::array<ChoiceName<E>, N>& names, E value) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [value](const auto& name) { return name.second == value; });
  return found == names.end() ? std::string_view("?") : found->first;
}

}  // namespace wquant
