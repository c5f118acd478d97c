#include "report/html_text.h"

#include <fmt/format.h>

#include "base/text.h"
#include "report/html_style.h"
#include "wquant/version.h"

namespace wquant {
namespace {

/// The two that are UTF-8 but no characters of XML.
bool is_noncharacter(std::string_view text) {
  return text.starts_with("\xEF\xBF\xBE") || text.starts_with("\xEF\xBF\xBF");
}

}  // namespace

std::string html_text(std::string_view text, std::size_t limit) {
  const std::string plain = printable(text, limit);
  std::string out;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const char c = plain[i];
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (is_noncharacter(std::string_view(plain).substr(i))) {
          out += "\xEF\xBF\xBD";
          i += 2;
        } else {
          out += c;
        }
    }
  }
  return out;
}

std::string html_name(std::string_view name, std::size_t limit) {
  return "<bdi>" + html_text(name, limit) + "</bdi>";
}

std::string key_html(std::string_view classes, std::string_view meaning) {
  return fmt::format(" <span class=\"keyed\"><span class=\"key {}\"></span>{}</span>", classes,
                     html_text(meaning));
}

std::string tiles_html(const std::vector<Tile>& tiles) {
  std::string out = "<dl class=\"tiles\">\n";
  for (const Tile& tile : tiles) {
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", tile.meaning, tile.figure);
  }
  return out + "</dl>\n";
}

std::string page_html(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!DOCTYPE html>\n"
      "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
      "<meta name=\"generator\" content=\"wquant {}\"/>\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n{}</main>\n"
      "</body>\n</html>\n",
      version(), html_text(title), kHtmlStyle, body);
}

}  // namespace wquant
