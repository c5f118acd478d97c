#pragma once

#include <string>
#include <vector>

namespace wquant::papers {

using Cells = std::vector<std::string>;

/// A Markdown table of a heading and rows, each a line; the last one without its end.
class Table {
 public:
  explicit Table(const Cells& heading);
  /// `cells` must be as many as the heading has.
  void add(const Cells& cells);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace wquant::papers
