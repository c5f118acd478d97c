#include "formats/strict_json.h"

#include <fmt/format.h>

#include <unordered_set>

#include "base/text.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using nlohmann::json;
using Event = json::parse_event_t;

constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kMaxArray = 64;

/// Watches the parser's events; throws Error at the first that breaks a rule.
class Guard {
 public:
  void see(Event event, const json& value) {
    switch (event) {
      case Event::object_start:
      case Event::array_start:
        add_value();
        levels_.push_back({event == Event::array_start, 0, {}});
        if (levels_.size() > kMaxDepth) {
          throw Error(fmt::format("is nested more than {} levels deep", kMaxDepth));
        }
        break;
      case Event::object_end:
      case Event::array_end:
        levels_.pop_back();
        break;
      case Event::key:
        add_key(value.get_ref<const std::string&>());
        break;
      case Event::value:
        add_value();
        break;
    }
  }

 private:
  struct Level {
    bool is_array;
    std::size_t values;
    std::unordered_set<std::string> keys;
  };

  void add_value() {
    if (levels_.empty() || !levels_.back().is_array) return;
    if (++levels_.back().values > kMaxArray) {
      throw Error(fmt::format("holds an array of more than {} values", kMaxArray));
    }
  }

  void add_key(const std::string& key) {
    if (!levels_.back().keys.insert(key).second) {
      throw Error(fmt::format("holds the key \"{}\" twice", printable(key)));
    }
  }

  std::vector<Level> levels_;
};

const char* type_text(json::value_t type) {
  switch (type) {
    case json::value_t::object:
      return "an object";
    case json::value_t::array:
      return "an array";
    case json::value_t::string:
      return "a string";
    default:
      return "a non-negative integer";
  }
}

json parse_guarded(std::string_view text) {
  // The parser takes a zero byte for the end of its input.
  if (const auto zero = text.find('\0'); zero != std::string_view::npos) {
    throw Error(fmt::format("is not valid JSON (zero byte at {})", zero));
  }
  Guard guard;
  try {
    json value = json::parse(text, [&](int, Event event, const json& parsed) {
      guard.see(event, parsed);
      return true;
    });
    if (!value.is_object()) throw Error("is not a JSON object");
    return value;
  } catch (const json::parse_error& error) {
    throw Error(fmt::format("is not valid UTF-8 JSON (at byte {})", error.byte));
  } catch (const json::exception&) {
    throw Error("holds a number that is out of range");
  }
}

}  // namespace

json parse_json_object(std::string_view text, std::string_view what) {
  try {
    return parse_guarded(text);
  } catch (const Error& error) {
    throw Error(fmt::format("{} {}", what, error.what()));
  }
}

std::string json_string(std::string_view text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    throw Error(fmt::format("\"{}\" is not UTF-8", printable(text)), "rename it");
  }
}

const json& json_member(const json& object, const char* key, json::value_t type) {
  const auto found = object.find(key);
  if (found == object.end()) throw Error(fmt::format("{} is missing", key));
  if (found->type() != type) throw Error(fmt::format("{} is not {}", key, type_text(type)));
  return *found;
}

const std::string& json_text(const json& object, const char* key) {
  return json_member(object, key, json::value_t::string).get_ref<const std::string&>();
}

std::uint64_t json_u64(const json& object, const char* key) {
  return json_member(object, key, json::value_t::number_unsigned).get<std::uint64_t>();
}

std::vector<std::uint64_t> json_u64_array(const json& object, const char* key) {
  std::vector<std::uint64_t> values;
  for (const json& value : json_member(object, key, json::value_t::array)) {
    if (!value.is_number_unsigned()) {
      throw Error(fmt::format("{} holds something else than non-negative integers", key));
    }
    values.push_back(value.get<std::uint64_t>());
  }
  return values;
}

}  // namespace wquant
