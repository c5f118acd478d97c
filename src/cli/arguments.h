#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/command.h"
#include "cli/terminal.h"

namespace wquant {

/// An option parser of one command: "wquant NAME", help text and the option --help. `epilog` stands
/// below the list of options.
class Parser : public CLI::App {
 public:
  Parser(const std::string& name, const std::string& help, const std::string& epilog = {});

  /// Adds the model that is read.
  void add_input(std::string& input);
  void add_threads(unsigned& threads);
  /// Adds the page that `help` tells of. Its name must not be empty.
  void add_html(std::string& html, const std::string& help);
  /// Adds -q, -v and --no-progress.
  void add_talk(Talk& talk);

  /// Fills the options' variables. False when the user asked for help, which is then printed.
  /// Throws Error (usage) that suggests the nearest option for a mistyped one.
  bool parse_arguments(const Arguments& arguments);

 private:
  bool no_progress_ = false;
  Talk* talk_ = nullptr;
  const std::string* html_ = nullptr;
};

/// Throws Error (usage) unless R can be a correlation.
void check_correlation_limit(double limit);

}  // namespace wquant
