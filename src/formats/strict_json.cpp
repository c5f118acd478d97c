#include "formats/strict_json.h"

#include <fmt/format.h>

#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using nlohmann::json;
constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kMaxArray = 64;

/// Builds the members from the parser's events; throws Error at the first that breaks a rule. (The
/// library's own parser with a callback looks through all members of an object after each one.)
class Builder : public nlohmann::json_sax<json> {
 public:
  Builder(std::string_view what, const JsonMember& take, const JsonInside& inside)
      : what_(what), take_(take), inside_(inside) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string& /*text*/) override { return add(value); }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(json::binary_t& /*value*/) override { return false; }

  bool start_object(std::size_t /*size*/) override { return open(json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& key) override {
    const auto [member, fresh] = open_.back()->emplace(key, nullptr);
    if (!fresh) fail(fmt::format("holds the key \"{}\" twice", printable(key)));
    member_ = &*member;
    if (open_.size() == handed_depth_) name_ = std::move(key);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    if (dynamic_cast<const json::out_of_range*>(&error) != nullptr) {
      fail("holds a number that is out of range");
    }
    fail(fmt::format("is not valid UTF-8 JSON (at byte {})", position));
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(fmt::format("{} {}", what_, problem));
  }

  bool add(json value) {
    json& placed = place(std::move(value));
    if (open_.size() == handed_depth_) hand_over(placed);
    return true;
  }

  bool open(json value) {
    if (open_.size() == kMaxDepth) {
      fail(fmt::format("is nested more than {} levels deep", kMaxDepth));
    }
    const bool is_object = value.is_object();
    open_.push_back(&place(std::move(value)));
    if (is_object && open_.size() == 2 && inside_.take && name_ == inside_.name) handed_depth_ = 2;
    return true;
  }

  bool close() {
    json& closed = *open_.back();
    const bool was_handed = open_.size() == handed_depth_;
    open_.pop_back();
    if (open_.size() == 1 && was_handed) {
      closed = nullptr;
      handed_depth_ = 1;
    } else if (open_.size() == handed_depth_) {
      hand_over(closed);
    }
    return true;
  }

  void hand_over(json& value) {
    (handed_depth_ == 1 ? take_ : inside_.take)(name_, value);
    value = nullptr;
  }

  /// Puts a value where the events have led: the root, a member or the end of an array.
  json& place(json value) {
    if (open_.empty()) {
      if (!value.is_object()) fail("is not a JSON object");
      return root_ = std::move(value);
    }
    json& parent = *open_.back();
    if (parent.is_object()) return *member_ = std::move(value);
    if (parent.size() == kMaxArray) {
      fail(fmt::format("holds an array of more than {} values", kMaxArray));
    }
    return parent.emplace_back(std::move(value));
  }

  std::string_view what_;
  const JsonMember& take_;
  const JsonInside& inside_;
  std::size_t handed_depth_ = 1;  ///< Objects around the members that are handed over.
  json root_;                     ///< Its members are null once they were handed over.
  std::vector<json*> open_;       ///< The objects and arrays around the next value.
  json* member_ = nullptr;        ///< Where the value of the last key belongs.
  std::string name_;              ///< The last key at that depth.
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

}  // namespace

void parse_json_members(std::string_view text, std::string_view what, const JsonMember& take,
                        const JsonInside& inside) {
  // The parser takes a zero byte for the end of its input.
  if (const auto zero = text.find('\0'); zero != std::string_view::npos) {
    throw Error(fmt::format("{} is not valid JSON (zero byte at {})", what, zero));
  }
  Builder builder(what, take, inside);
  json::sax_parse(text, &builder);
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
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
