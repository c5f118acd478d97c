#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace wquant {

/// The number that the whole of `text` spells, whatever the locale; nothing when it spells none or
/// one that T cannot hold.
template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace wquant
