#include "sample_section.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "markdown.h"

namespace wquant::papers {
namespace {

constexpr int kMaxBits = 8;
constexpr std::array kModes = {"linear", "exp"};
constexpr std::array kRescales = {"variance", "none"};

std::string uniform_options(int bits, const std::string& rest) {
  return fmt::format("--bits {} {}", bits, rest);
}

/// At most as many bytes as the file of equal bits takes.
std::string budget_options(SampleRuns& runs, int bits, const std::string& rest) {
  return fmt::format("--target-size {}B {}", runs.run(uniform_options(bits, rest)).bytes, rest);
}

std::string rest_of(const char* mode, const char* rescale, const std::string& balance) {
  return fmt::format("--mode {} --rescale {} --balance {}", mode, rescale, balance);
}

std::string accuracy_table(SampleRuns& runs, const std::string& balance, bool budget) {
  Cells heading = {"bits"};
  for (const char* mode : kModes) {
    for (const char* rescale : kRescales) heading.push_back(fmt::format("{}, {}", mode, rescale));
  }
  Table table(heading);
  for (int bits = budget ? 2 : 1; bits <= kMaxBits; ++bits) {
    Cells cells = {fmt::format("{}", bits)};
    for (const char* mode : kModes) {
      for (const char* rescale : kRescales) {
        const std::string rest = rest_of(mode, rescale, balance);
        const std::string options =
            budget ? budget_options(runs, bits, rest) : uniform_options(bits, rest);
        cells.push_back(fmt::format("{:.2f}", runs.run(options).right));
      }
    }
    table.add(cells);
  }
  return table.text();
}

}  // namespace

Section sample_section(SampleRuns& runs) {
  Section section;
  section.facts["images"] = fmt::format("{}", runs.images());
  section.facts["float"] = fmt::format("{:.2f}", runs.float_right());
  for (const std::string balance : {"off", "auto"}) {
    section.facts["uniform_" + balance] = accuracy_table(runs, balance, false);
    section.facts["budget_" + balance] = accuracy_table(runs, balance, true);
  }
  return section;
}

}  // namespace wquant::papers
