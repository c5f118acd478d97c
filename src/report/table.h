#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// No line of a table is wider.
inline constexpr std::size_t kTableWidth = 100;

/// Code points of a UTF-8 text: the columns it takes on a terminal, but for wide characters.
std::size_t text_width(std::string_view text);

/// `text` in at most `width` columns (at least 8): what is too long loses its middle to "...".
std::string elide(std::string_view text, std::size_t width);

enum class Align { kLeft, kRight };

struct Column {
  std::string_view header;
  Align align = Align::kRight;
};

/// Rows of text under headers. The first column holds names: one that does not fit beside the
/// rest gets a line of its own, so that names stay whole.
class Table {
 public:
  explicit Table(std::vector<Column> columns);

  /// One cell a column; printable text.
  void add(std::vector<std::string> row);
  /// All lines, each with its line break.
  [[nodiscard]] std::string text() const;

 private:
  [[nodiscard]] std::size_t name_width() const;
  [[nodiscard]] std::string line(const std::vector<std::string>& row, std::size_t name_width) const;

  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace wquant
