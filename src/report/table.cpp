#include "report/table.h"

#include <algorithm>
#include <utility>

namespace wquant {
namespace {

constexpr std::string_view kGap = " ";
constexpr std::string_view kDots = "...";

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

/// Bytes of the first `characters` characters.
std::size_t prefix_size(std::string_view text, std::size_t characters) {
  std::size_t size = 0;
  while (size < text.size() && (characters > 0 || !starts_character(text[size]))) {
    if (starts_character(text[size])) --characters;
    ++size;
  }
  return size;
}

std::string pad(std::string_view text, std::size_t width, Align align) {
  const std::size_t used = text_width(text);
  const std::string fill(width > used ? width - used : 0, ' ');
  return align == Align::kLeft ? std::string(text) + fill : fill + std::string(text);
}

}  // namespace

std::size_t text_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string elide(std::string_view text, std::size_t width) {
  const std::size_t length = text_width(text);
  if (length <= width) return std::string(text);
  const std::size_t left = width - kDots.size();
  const std::size_t head = prefix_size(text, left / 2);
  const std::size_t tail = prefix_size(text, length - (left - left / 2));
  return std::string(text.substr(0, head)).append(kDots).append(text.substr(tail));
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (const Column& column : columns_) widths_.push_back(text_width(column.header));
}

void Table::add(std::vector<std::string> row) {
  row.resize(columns_.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    widths_[i] = std::max(widths_[i], text_width(row[i]));
  }
  rows_.push_back(std::move(row));
}

std::size_t Table::name_width() const {
  std::size_t rest = 0;
  for (std::size_t i = 1; i < widths_.size(); ++i) rest += widths_[i] + kGap.size();
  const std::size_t least = text_width(columns_[0].header);
  return rest + least >= kTableWidth ? least : std::min(widths_[0], kTableWidth - rest);
}

std::string Table::line(const std::vector<std::string>& row, std::size_t name_width) const {
  std::string line = pad(row[0], name_width, columns_[0].align);
  for (std::size_t i = 1; i < row.size(); ++i) {
    line.append(kGap).append(pad(row[i], widths_[i], columns_[i].align));
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string Table::text() const {
  std::vector<std::string> header;
  for (const Column& column : columns_) header.emplace_back(column.header);
  const std::size_t width = name_width();
  std::string text = line(header, width);
  for (std::vector<std::string> row : rows_) {
    if (text_width(row[0]) > width) {
      text += elide(row[0], kTableWidth) + "\n";
      row[0].clear();
    }
    text += line(row, width);
  }
  return text;
}

}  // namespace wquant
