#include "markdown.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace wquant::papers {

Table::Table(const Cells& heading) {
  add(heading);
  add(Cells(heading.size(), "---"));
}

void Table::add(const Cells& cells) {
  if (!text_.empty()) text_ += "\n";
  text_ += fmt::format("| {} |", fmt::join(cells, " | "));
}

}  // namespace wquant::papers
