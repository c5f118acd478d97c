#pragma once

#include <string_view>

namespace wquant {

/// The style sheet of all pages, for screens of any width, light and dark, and for paper.
extern const std::string_view kHtmlStyle;

}  // namespace wquant
