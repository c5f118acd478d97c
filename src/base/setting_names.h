#pragma once

#include <array>
#include <cstddef>
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
inline constexpr std::array<Choice<SearchRule>, 2> kSearchChoices = {
    {{"auto", SearchRule::kAuto}, {"exact", SearchRule::kExact}}};
inline constexpr std::array<Choice<Zero>, 3> kZeroChoices = {
    {{"auto", Zero::kAuto}, {"keep", Zero::kKeep}, {"off", Zero::kOff}}};
inline constexpr std::array<Choice<Balance>, 4> kBalanceChoices = {{{"auto", Balance::kAuto},
                                                                    {"off", Balance::kOff},
                                                                    {"channel", Balance::kChannel},
                                                                    {"kernel", Balance::kKernel}}};
inline constexpr std::array<Choice<Granularity>, 3> kGranularityChoices = {
    {{"tensor", Granularity::kTensor},
     {"channel", Granularity::kChannel},
     {"group", Granularity::kGroup}}};
inline constexpr std::array<Choice<Coding>, 2> kCodingChoices = {
    {{"fixed", Coding::kFixed}, {"entropy", Coding::kEntropy}}};
inline constexpr std::array<Choice<NonFinite>, 2> kNonFiniteChoices = {
    {{"error", NonFinite::kError}, {"keep", NonFinite::kKeep}}};

/// The name of a value of the table.
template <typename E, std::size_t N>
constexpr std::string_view choice_name(const std::array<Choice<E>, N>& choices, E value) {
  for (const Choice<E>& choice : choices) {
    if (choice.value == value) return choice.name;
  }
  return "?";
}

}  // namespace wquant
