#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// `text` as content or attribute of an element: markup is masked, and characters that XML does not
/// allow are written as \xNN or U+FFFD. What is longer than `limit` bytes is cut and ends in "...".
std::string html_text(std::string_view text, std::size_t limit = 300);

/// A name from a file: on its own in the direction of its script.
std::string html_name(std::string_view name, std::size_t limit = 300);

/// What a mark of that class means: text.
std::string key_html(std::string_view classes, std::string_view meaning);

/// One figure of a head.
struct Tile {
  std::string figure, meaning;  ///< Markup.
};

/// "<dl>" of figures that stand out.
std::string tiles_html(const std::vector<Tile>& tiles);

/// A whole page: `title` is text, the rest is markup.
std::string page_html(std::string_view title, std::string_view body);

}  // namespace wquant
