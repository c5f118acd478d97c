#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// `text` as one printable line: control characters and bytes that are not UTF-8 become \xNN, and
/// what is longer than `limit` bytes is cut and ends in "...".
std::string printable(std::string_view text, std::size_t limit = 200);

/// The candidate that takes the fewest single-character edits to reach from `word`; empty when
/// none is near (more edits than a third of the word, at least 2).
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// "did you mean X? " where one is near, then "valid: a, b, c".
std::string suggest(std::string_view word, std::span<const std::string_view> candidates);

/// The first five of a list, and how many more there are: "a, b, c, d, e and 2 more".
std::string first_few(std::span<const std::string> items);

/// "12.3 MB": decimal units.
std::string byte_text(std::uint64_t bytes);

}  // namespace wquant
