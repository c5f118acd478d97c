#include "wquant/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TensorSettings applied(std::string_view items) {
  TensorSettings settings;
  apply(settings, items);
  return settings;
}

/// The message of the usage error that f() throws; empty when it throws none.
template <typename F>
std::string usage_error(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage) << error.what();
    return error.what();
  }
  return {};
}

TEST(Settings, ItemsChangeTheirKeysAndNothingElse) {
  TensorSettings expected;
  EXPECT_EQ(applied("bits=4"), expected);
  expected.bits = 5;
  expected.mode = "linear";
  expected.values = Values::kMidpoint;
  expected.rescale = Rescale::kMse;
  expected.range = RangeRule::kFull;
  expected.balance = Balance::kChannel;
  expected.axis = 2;
  EXPECT_EQ(applied("bits=5,mode=linear,values=midpoint,rescale=mse,range=full,balance=channel,"
                    "axis=2"),
            expected);
}

TEST(Settings, CodesAtTheirEntropyHaveLevelsOfTheirOwn) {
  const TensorSettings settings = applied("coding=entropy");
  EXPECT_EQ(settings.coding, Coding::kEntropy);
  EXPECT_EQ(settings.mode, kEntropyMode);
  check(settings);
  EXPECT_THAT(usage_error([] { applied("coding=entrpy"); }), HasSubstr("did you mean entropy"));
  for (const std::string item : {"mode=exp", "values=midpoint", "range=full", "search=exact"}) {
    TensorSettings other = settings;
    wquant::apply(other, item);
    EXPECT_THAT(usage_error([&] { check(other); }), HasSubstr("coding entropy is not for")) << item;
  }
}

TEST(Settings, AxisIsANumberOrAuto) {
  TensorSettings settings = applied("axis=3");
  EXPECT_EQ(settings.axis, 3U);
  apply(settings, "axis=auto");
  EXPECT_EQ(settings, TensorSettings());
  for (const std::string word : {"-1", "x", "", "1.0", "99999999999999999999"}) {
    EXPECT_THAT(usage_error([&] { applied("axis=" + word); }), HasSubstr("neither auto nor"));
  }
}

TEST(Settings, RatioIsARuleOrANumber) {
  EXPECT_EQ(applied("ratio=range").ratio_rule, RatioRule::kRange);
  EXPECT_EQ(applied("ratio=1.5").ratio_rule, RatioRule::kFixed);
  EXPECT_EQ(applied("ratio=1.5").ratio, 1.5);
  TensorSettings settings = applied("ratio=1.5");
  apply(settings, "ratio=auto");
  EXPECT_EQ(settings, TensorSettings());
}

TEST(Settings, TextOfARatioIsReadBack) {
  for (const std::string text : {"auto", "range", "1", "1.5", "1.1000000000000001"}) {
    const TensorSettings settings = applied("ratio=" + text);
    EXPECT_EQ(applied("ratio=" + ratio_text(settings)), settings);
  }
}

TEST(Settings, EveryNameOfAChoiceIsReadBack) {
  for (const Values values : {Values::kCentroid, Values::kMidpoint}) {
    EXPECT_EQ(applied("values=" + std::string(name_of(values))).values, values);
  }
  for (const Rescale rescale : {Rescale::kVariance, Rescale::kMse, Rescale::kNone}) {
    EXPECT_EQ(applied("rescale=" + std::string(name_of(rescale))).rescale, rescale);
  }
  for (const SearchRule search : {SearchRule::kAuto, SearchRule::kExact}) {
    EXPECT_EQ(applied("search=" + std::string(name_of(search))).search, search);
  }
  for (const RangeRule range : {RangeRule::kSearch, RangeRule::kFull}) {
    EXPECT_EQ(applied("range=" + std::string(name_of(range))).range, range);
  }
  for (const Balance balance :
       {Balance::kAuto, Balance::kOff, Balance::kChannel, Balance::kKernel}) {
    EXPECT_EQ(applied("balance=" + std::string(name_of(balance))).balance, balance);
  }
}

TEST(Settings, MistypedWordsGetASuggestionAndTheValidOnes) {
  EXPECT_THAT(usage_error([] { applied("bit=3"); }),
              AllOf(HasSubstr("did you mean bits?"), HasSubstr("rescale")));
  EXPECT_THAT(usage_error([] { applied("mode=exq"); }),
              AllOf(HasSubstr("exq"), HasSubstr("did you mean exp?"), HasSubstr("linear")));
  EXPECT_THAT(usage_error([] { applied("values=centriod"); }),
              AllOf(HasSubstr("did you mean centroid?"), HasSubstr("midpoint")));
  EXPECT_THAT(usage_error([] { applied("rescale=varianc"); }), HasSubstr("did you mean variance?"));
  EXPECT_THAT(usage_error([] { applied("range=ful"); }), HasSubstr("did you mean full?"));
  EXPECT_THAT(usage_error([] { applied("search=exakt"); }), HasSubstr("did you mean exact?"));
}

TEST(Settings, MalformedItemsAreUsageErrors) {
  for (const char* items : {"", ",", "bits", "bits=", "bits=x", "bits=3.5", "bits=+3", "bits= 3",
                            "bits=99999999999", "bits=3,", ",bits=3", "bits=3,,mode=exp", "=3",
                            "ratio=", "ratio=x", "ratio=1.5x", "ratio=1,5", "BITS=3"}) {
    EXPECT_NE(usage_error([&] { applied(items); }), "") << items;
  }
}

TEST(Settings, ValuesOutOfRangeAreUsageErrors) {
  const auto apply_and_check = [](const char* items) {
    return usage_error([&] { check(applied(items)); });
  };
  for (const char* items : {"bits=0", "bits=9", "bits=-1", "ratio=0.5", "ratio=0", "ratio=-1",
                            "ratio=1e9", "ratio=nan", "ratio=inf", "ratio=-inf"}) {
    EXPECT_NE(apply_and_check(items), "") << items;
  }
  for (const char* items : {"bits=1", "bits=8", "ratio=1", "ratio=100"}) {
    EXPECT_EQ(apply_and_check(items), "") << items;
  }
}

TEST(Settings, CheckSeesFieldsThatWereSetDirectly) {
  for (const int bits : {-1, 0, 9, std::numeric_limits<int>::max()}) {
    TensorSettings settings;
    settings.bits = bits;
    EXPECT_NE(usage_error([&] { check(settings); }), "") << bits;
  }
  TensorSettings settings;
  settings.ratio_rule = RatioRule::kFixed;
  for (const double ratio : {0.0, std::nan(""), HUGE_VAL}) {
    settings.ratio = ratio;
    EXPECT_NE(usage_error([&] { check(settings); }), "") << ratio;
  }
  settings = {};
  settings.granularity = Granularity::kGroup;
  settings.group_size = 1;
  EXPECT_THAT(usage_error([&] { check(settings); }), HasSubstr("group"));
  settings = {};
  settings.mode = "log";
  EXPECT_THAT(usage_error([&] { check(settings); }), HasSubstr("log"));
}

TEST(Settings, SettingsOfTheOtherModeAreContradictions) {
  for (const char* items :
       {"mode=linear,ratio=1.5", "mode=linear,ratio=range", "mode=exp,range=full"}) {
    EXPECT_NE(usage_error([&] { check(applied(items)); }), "") << items;
  }
  for (const FamilyInfo& family : families()) {
    check(applied("mode=" + std::string(family.name) + ",ratio=auto,range=search"));
  }
}

TEST(Settings, AnExactSearchIsForX0AndCentroids) {
  for (const char* items : {"search=exact,ratio=range", "search=exact,mode=linear,range=full",
                            "search=exact,values=midpoint", "search=exact,mode=kmeans"}) {
    EXPECT_THAT(usage_error([&] { check(applied(items)); }), HasSubstr("search exact")) << items;
  }
  for (const char* items : {"search=exact", "search=exact,mode=linear", "search=exact,ratio=2"}) {
    EXPECT_EQ(usage_error([&] { check(applied(items)); }), "") << items;
  }
}

TEST(Settings, AModeBringsWhatItPrescribesAndTakesItAway) {
  EXPECT_EQ(applied("mode=binary").bits, 1);
  EXPECT_EQ(applied("mode=ternary").bits, 2);
  EXPECT_EQ(applied("bits=3,mode=kmeans").bits, 3);
  EXPECT_EQ(applied("mode=pow2").rescale, Rescale::kNone);
  TensorSettings settings = applied("mode=fixed");
  apply(settings, "mode=ternary");
  EXPECT_EQ(settings.rescale, Rescale::kVariance);
  apply(settings, "mode=exp");
  EXPECT_EQ(settings, TensorSettings());
}

TEST(Settings, WhatAModeDoesNotTakeIsAnErrorWhereverItStands) {
  for (const char* items :
       {"bits=4,mode=binary", "mode=binary,bits=2", "mode=ternary,bits=1",
        "mode=pow2,rescale=variance", "rescale=mse,mode=fixed", "mode=kmeans,values=midpoint",
        "mode=kmeans,ratio=2", "values=midpoint,mode=fixed", "mode=pow2,range=full"}) {
    EXPECT_NE(usage_error([&] { check(applied(items)); }), "") << items;
  }
  EXPECT_THAT(
      usage_error([] { check(applied("mode=binary,bits=4")); }),
      AllOf(HasSubstr("bits 4 is not for mode binary"), HasSubstr("leave bits out or give 1")));
}

TEST(Settings, AFailedApplyNamesTheItem) {
  EXPECT_THAT(usage_error([] { applied("bits=5,mode=lin"); }), HasSubstr("lin"));
  EXPECT_THAT(usage_error([] { applied("bits=5,mo\nde=x"); }), HasSubstr("mo\\x0ade"));
}

}  // namespace
}  // namespace wquant
