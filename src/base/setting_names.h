#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "wquant/prune.h"
#include "wquant/settings.h"

namespace wquant {

/// The names by which users, reports and files know the choices of the settings.
template <typename E>
struct NamedValue {
  std::string_view name;
  E value;
};

inline constexpr std::array<NamedValue<Values>, 2> kValuesChoices = {
    {{"centroid", Values::kCentroid}, {"midpoint", Values::kMidpoint}}};
inline constexpr std::array<NamedValue<Rescale>, 3> kRescaleChoices = {
    {{"variance", Rescale::kVariance}, {"mse", Rescale::kMse}, {"none", Rescale::kNone}}};
inline constexpr std::array<NamedValue<RatioRule>, 3> kRatioRuleChoices = {
    {{"auto", RatioRule::kAuto}, {"range", RatioRule::kRange}, {"fixed", RatioRule::kFixed}}};
inline constexpr std::array<NamedValue<RangeRule>, 2> kRangeChoices = {
    {{"search", RangeRule::kSearch}, {"full", RangeRule::kFull}}};
inline constexpr std::array<NamedValue<SearchRule>, 2> kSearchChoices = {
    {{"auto", SearchRule::kAuto}, {"exact", SearchRule::kExact}}};
inline constexpr std::array<NamedValue<Zero>, 3> kZeroChoices = {
    {{"auto", Zero::kAuto}, {"keep", Zero::kKeep}, {"off", Zero::kOff}}};
inline constexpr std::array<NamedValue<Balance>, 4> kBalanceChoices = {
    {{"auto", Balance::kAuto},
     {"off", Balance::kOff},
     {"channel", Balance::kChannel},
     {"kernel", Balance::kKernel}}};
inline constexpr std::array<NamedValue<Granularity>, 3> kGranularityChoices = {
    {{"tensor", Granularity::kTensor},
     {"channel", Granularity::kChannel},
     {"group", Granularity::kGroup}}};
inline constexpr std::array<NamedValue<Coding>, 3> kCodingChoices = {
    {{"fixed", Coding::kFixed}, {"entropy", Coding::kEntropy}, {"f16", Coding::kF16}}};
inline constexpr std::array<NamedValue<NonFinite>, 2> kNonFiniteChoices = {
    {{"error", NonFinite::kError}, {"keep", NonFinite::kKeep}}};
inline constexpr std::array<NamedValue<PruneMethod>, 3> kPruneMethodChoices = {
    {{"reductive", PruneMethod::kReductive},
     {"magnitude", PruneMethod::kMagnitude},
     {"random", PruneMethod::kRandom}}};

/// The name of a value of the table.
template <typename E, std::size_t N>
constexpr std::string_view choice_name(const std::array<NamedValue<E>, N>& choices, E value) {
  for (const NamedValue<E>& choice : choices) {
    if (choice.value == value) return choice.name;
  }
  return "?";
}

}  // namespace wquant
