#include "cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/usage.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// "--bits", "-o", ... of every option of the command that has a name.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

Error unknown_option(const CLI::App& app, const std::string& given) {
  const std::string word = given.substr(0, given.find('='));
  const std::vector<std::string> names = option_names(app);
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const bool is_long = word.starts_with("--");
  const std::string_view near = is_long ? nearest(word, candidates) : std::string_view();
  const std::string see = fmt::format("see wquant {} --help", app.get_name());
  return Error(fmt::format("unknown option {}", printable(word)),
               near.empty() ? see : fmt::format("did you mean {}? {}", near, see),
               ErrorKind::kUsage);
}

/// The error of what is left over when every option has taken its values.
Error unexpected(const CLI::App& app, const std::vector<std::string>& rest) {
  const auto option = std::find_if(rest.begin(), rest.end(), [](const std::string& word) {
    return word.size() > 1 && word.front() == '-';
  });
  if (option != rest.end()) return unknown_option(app, *option);
  return Error(fmt::format("unexpected argument {}", printable(rest.front())),
               fmt::format("see wquant {} --help", app.get_name()), ErrorKind::kUsage);
}

}  // namespace

Parser::Parser(const std::string& name, const std::string& help, const std::string& epilog)
    : CLI::App(help, name) {
  set_help_flag("-h,--help", "print this help");
  footer(epilog);
  get_formatter()->column_width(34);
  option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

void Parser::add_input(std::string& input) {
  add_option("INPUT", input, "a model's file or folder, see wquant formats; - is standard input")
      ->required()
      ->option_text(" ");
}

void Parser::add_threads(unsigned& threads) {
  add_option("--threads", threads, "0: all of the machine (default)")
      ->option_text("N")
      ->check(CLI::Range(0, 4096));
}

void Parser::add_html(std::string& html, const std::string& help) {
  html_ = &html;
  add_option("--html", html, help)->type_name("FILE");
}

void Parser::add_talk(Talk& talk) {
  talk_ = &talk;
  add_flag("-q,--quiet", talk.quiet, "say nothing but errors");
  add_flag("-v,--verbose", talk.verbose, "say more");
  add_flag("--no-progress", no_progress_, "no progress line on a terminal");
}

bool Parser::parse_arguments(const Arguments& arguments) {
  try {
    // The library takes the arguments last first.
    parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    std::string text = help();
    const std::string usage = "Usage: " + get_name();
    if (const auto at = text.find(usage); at != std::string::npos) text.insert(at + 7, "wquant ");
    print_result(text);
    return false;
  } catch (const CLI::ExtrasError&) {
    throw unexpected(*this, remaining());
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> rest = remaining();
    const auto mistyped = [](const std::string& word) { return word.starts_with("--"); };
    if (std::any_of(rest.begin(), rest.end(), mistyped)) throw unexpected(*this, rest);
    fail_usage(printable(error.what()), fmt::format("see wquant {} --help", get_name()));
  }
  if (talk_ != nullptr) {
    if (talk_->quiet && talk_->verbose) {
      fail_usage("--quiet and --verbose contradict each other", "leave one of them out");
    }
    talk_->progress = !no_progress_;
    set_log_level(*talk_);
  }
  if (html_ != nullptr && count("--html") > 0 && html_->empty()) {
    fail_usage("--html has no name of a file", "write for example --html page.html");
  }
  return true;
}

void check_correlation_limit(double limit) {
  if (limit >= 0 && limit <= 1) return;
  fail_usage(fmt::format("{} is no limit for a correlation", limit),
             "give --min-correlation a number from 0 to 1");
}

}  // namespace wquant
