#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// Gets a member of an object: its name and its value.
using JsonMember = std::function<void(const std::string& name, const nlohmann::json& value)>;

/// A member of the object whose own members are handed over one by one, to its own taker.
struct JsonInside {
  std::string_view name;
  JsonMember take;
};

/// Parses JSON that nobody vouches for: `text` must be one object in UTF-8 with nothing but white
/// space after it, unique keys in every object, at most 8 levels deep, at most 64 values in an
/// array. Calls `take` for each member of the object in the order of the text, as soon as it is
/// known, and keeps only its name: memory stays small and the first wrong member ends the parsing.
/// Throws Error whose problem begins with `what`, and passes on what `take` throws. The member
/// `inside`, if it is an object, is not handed over as a whole.
void parse_json_members(std::string_view text, std::string_view what, const JsonMember& take,
                        const JsonInside& inside = {});

/// `text` as a JSON string with its quotes. Throws Error when it is not UTF-8.
std::string json_string(std::string_view text);

/// The member `key` of an object. Throws Error when it is missing or of another type.
const nlohmann::json& json_member(const nlohmann::json& object, const char* key,
                                  nlohmann::json::value_t type);
/// A member that must be a string.
const std::string& json_text(const nlohmann::json& object, const char* key);
/// A member that must be an integer of 0..2^64-1, written without sign, point or exponent.
std::uint64_t json_u64(const nlohmann::json& object, const char* key);
/// A member that must be an array of such integers.
std::vector<std::uint64_t> json_u64_array(const nlohmann::json& object, const char* key);

}  // namespace wquant
