#include "base/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using nlohmann::json;

/// Neither a control character nor beyond ASCII.
bool is_plain(char c) { return static_cast<signed char>(c) >= 0x20; }

/// Without branches: where a mask stands in JSON that is quoted, is as good as random.
bool is_masked(char c) { return static_cast<int>(c == '"') + static_cast<int>(c == '\\') > 0; }

/// Plain text, in which quotes and backslashes are all that is masked.
void append_plain(std::string& out, std::string_view text) {
  const auto masked = std::count_if(text.begin(), text.end(), is_masked);
  const std::size_t begin = out.size();
  out.resize(begin + text.size() + static_cast<std::size_t>(masked) + 2, '"');
  char* at = out.data() + begin + 1;
  if (masked == 0) {
    std::copy(text.begin(), text.end(), at);
    return;
  }
  for (const char c : text) {
    *at = '\\';
    at += static_cast<std::ptrdiff_t>(is_masked(c));
    *at++ = c;
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text, BadUtf8 bad) {
  if (std::all_of(text.begin(), text.end(), is_plain)) return append_plain(out, text);
  try {
    const auto handler =
        bad == BadUtf8::kReplace ? json::error_handler_t::replace : json::error_handler_t::strict;
    out += json(text).dump(-1, ' ', false, handler);
  } catch (const json::exception&) {
    throw Error(fmt::format("\"{}\" is not UTF-8", printable(text)), "rename it");
  }
}

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const std::size_t begin = out.size();
  fmt::format_to(std::back_inserter(out), "{}", value);
  if (out.find_first_of(".e", begin) == std::string::npos) out += ".0";
}

void JsonWriter::array(std::string_view key, std::span<const std::uint64_t> values) {
  open_array(key);
  for (const std::uint64_t value : values) {
    begin_value();
    write(value);
  }
  close_array();
}

std::string JsonWriter::take() {
  text_ += '\n';
  return std::exchange(text_, {});
}

/// A comma after the one before, and a new line.
void JsonWriter::begin_value() {
  if (!std::exchange(first_, false)) text_ += ',';
  if (depth_ == 0) return;
  text_ += '\n';
  text_.append(2 * depth_, ' ');
}

void JsonWriter::name(std::string_view key) {
  begin_value();
  write(key);
  text_ += ": ";
  named_ = true;
}

void JsonWriter::open(char bracket) {
  if (!std::exchange(named_, false)) begin_value();
  text_ += bracket;
  ++depth_;
  first_ = true;
}

void JsonWriter::close(char bracket) {
  --depth_;
  if (!std::exchange(first_, false)) {
    text_ += '\n';
    text_.append(2 * depth_, ' ');
  }
  text_ += bracket;
  named_ = false;
}

}  // namespace wquant
