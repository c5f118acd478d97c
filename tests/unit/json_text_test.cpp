#include "base/json_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "wquant/error.h"

namespace wquant {
namespace {

std::string string_of(std::string_view text, BadUtf8 bad = BadUtf8::kRefuse) {
  std::string out = "before ";
  append_json_string(out, text, bad);
  return out.substr(7);
}

std::string number_of(double value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

TEST(JsonText, StringsReadAsTheyWere) {
  for (const std::string text : {"", "plain", "\"", "a\\b\"c", "tab\t", "line\n", "\x01", "größe",
                                 "\xF0\x9F\x90\x8D \"", "\x7f"}) {
    EXPECT_EQ(string_of(text), nlohmann::json(text).dump()) << text;
  }
}

TEST(JsonText, BytesThatAreNotUtf8AreRefusedOrReplaced) {
  EXPECT_THROW(string_of("a\xff"), Error);
  EXPECT_EQ(string_of("a\xff", BadUtf8::kReplace), "\"a\xEF\xBF\xBD\"");
}

TEST(JsonText, NumbersAreShortAndNeverIntegers) {
  EXPECT_EQ(number_of(0.1), "0.1");
  EXPECT_EQ(number_of(1), "1.0");
  EXPECT_EQ(number_of(-0.0), "-0.0");
  EXPECT_EQ(number_of(1e300), "1e+300");
  EXPECT_EQ(number_of(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(number_of(std::nan("")), "null");
}

TEST(JsonWriter, IndentsAsTheLibraryDoes) {
  JsonWriter json;
  json.open_object();
  json.member("number", 1.5);
  json.member("count", std::uint64_t{3});
  json.member("yes", true);
  json.member("none", std::optional<double>());
  json.array("list", std::vector<std::uint64_t>{1, 2});
  json.array("empty", {});
  json.open_array("objects");
  for (const std::string name : {"a", "b"}) {
    json.open_object();
    json.member("name", name);
    json.close_object();
  }
  json.close_array();
  json.open_object("inner");
  json.close_object();
  json.close_object();
  const std::string text = json.take();
  EXPECT_EQ(text, nlohmann::ordered_json::parse(text).dump(2) + "\n");
}

}  // namespace
}  // namespace wquant
