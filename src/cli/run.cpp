#include "cli/run.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/usage.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "wquant/error.h"
#include "wquant/version.h"

namespace wquant {
namespace {

constexpr std::string_view kHelpEnd = R"(
Examples:
  wquant --bits 3 --mode exp model.npz           writes model.exp3.safetensors and its report
  wquant --bits 4 --dry-run model.safetensors    the exact size of the output, nothing written
  wquant --set 'head:bits=8' model.npz           another width for some tensors
  wquant dequantize model.exp3.safetensors       writes model.exp3.npz
  wquant compare model.npz --bits 2-6 --mode linear,exp
  wquant verify model.exp3.safetensors --min-correlation 0.97
  wquant prune control.npz --perturbed low.npz high.npz --fraction 0.1 -o pruned.npz

Options of a command: wquant COMMAND --help

Exit codes:
  0  done
  1  failed: input or output failed, or the input is damaged or unsupported
  2  usage: an option, a value or a command that does not exist
  3  a limit that you set was not met (--min-correlation, --at-least)
  130  interrupted
)";

std::string help_text() {
  std::string text =
      "wquant quantizes the trained weights of a network.\n\n"
      "Usage: wquant [quantize] INPUT [-o OUT] [OPTIONS]\n"
      "       wquant COMMAND [OPTIONS]\n\nCommands:\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<12}{}\n", command.name, command.help);
  }
  return text.append(kHelpEnd);
}

/// Throws for a first argument that is neither a command nor a file but a plain word, which is
/// most likely a mistyped command.
void refuse_unknown_command(const std::string& word) {
  if (word.empty() || word.front() == '-' || word.find_first_of("./") != std::string::npos) return;
  std::error_code code;
  if (std::filesystem::exists(word, code)) return;
  std::vector<std::string_view> names;
  for (const Command& command : commands()) names.push_back(command.name);
  fail_usage(fmt::format("{} is neither a command nor a file", printable(word)),
             suggest(word, names));
}

void run_command(Arguments arguments) {
  const auto table = commands();
  const std::string first = arguments.empty() ? std::string() : arguments.front();
  if (first.empty() && arguments.empty()) {
    fail_usage("no input", "see wquant --help");
  }
  if (first == "--help" || first == "-h" || first == "help") return print_result(help_text());
  if (first == "--version") return print_result(fmt::format("wquant {}\n", version()));
  const auto row = std::find_if(table.begin(), table.end(),
                                [&](const Command& command) { return command.name == first; });
  if (row == table.end()) {
    refuse_unknown_command(first);
    return table.front().run(arguments);
  }
  arguments.erase(arguments.begin());
  row->run(arguments);
}

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFailed:
      return 1;
    case ErrorKind::kUsage:
      return 2;
    case ErrorKind::kLimit:
      return 3;
    case ErrorKind::kInterrupted:
      return 130;
  }
  return 1;
}

int guarded(const Arguments& arguments) {
  try {
    kernels_in_use();  // Throws when the environment asks for what is not there.
    run_command(arguments);
    flush_result();
    return 0;
  } catch (const Error& error) {
    spdlog::error("{}", error.what());
    return exit_code(error.kind());
  } catch (const std::bad_alloc&) {
    spdlog::error("out of memory: close other programs or use fewer --threads");
  } catch (const std::exception& error) {
    spdlog::error("{}", printable(error.what()));
  }
  return 1;
}

}  // namespace

int run(int argc, char** argv) {
  guard_standard_streams();
  install_signal_handlers();
  start_log();
  return guarded(Arguments(argv + std::min(argc, 1), argv + argc));
}

}  // namespace wquant
