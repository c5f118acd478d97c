#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// The arguments after the command's name, in their order.
using Arguments = std::vector<std::string>;

/// One row of the table of commands. run() parses its own arguments, prints its result on stdout
/// and throws Error for everything that goes wrong.
struct Command {
  std::string_view name;
  std::string_view help;
  void (*run)(const Arguments& arguments);
};

/// The table, in the order of the help text; the first row is the default command.
std::span<const Command> commands();

void run_quantize(const Arguments& arguments);
void run_dequantize(const Arguments& arguments);
void run_compare(const Arguments& arguments);
void run_inspect(const Arguments& arguments);
void run_verify(const Arguments& arguments);
void run_prune(const Arguments& arguments);
void run_formats(const Arguments& arguments);

}  // namespace wquant
