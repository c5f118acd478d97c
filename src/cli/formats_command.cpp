#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

std::string_view use_of(const FormatInfo& format) {
  if (format.reads && format.writes) return "read, write";
  if (format.reads && format.writes_like) return "read, --like";
  if (format.reads) return "read";
  return format.writes ? "write" : "not built";
}

void print_json() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const FormatInfo& format : formats()) {
    list.push_back({{"name", format.name},
                    {"reads", format.reads},
                    {"writes", format.writes},
                    {"writes_like", format.writes_like},
                    {"help", format.help}});
  }
  print_result(list.dump(2) + "\n");
}

}  // namespace

void run_formats(const Arguments& arguments) {
  bool json = false;
  Parser parser("formats", "List the file formats.");
  parser.add_flag("--json", json, "print JSON");
  if (!parser.parse_arguments(arguments)) return;
  if (json) return print_json();
  for (const FormatInfo& format : formats()) {
    print_result(fmt::format("{:<20}{:<13}{}\n", format.name, use_of(format), format.help));
  }
}

}  // namespace wquant
