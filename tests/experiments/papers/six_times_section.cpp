#include <fmt/format.h>

#include <array>
#include <optional>

#include "markdown.h"
#include "sample_section.h"

namespace wquant::papers {
namespace {

constexpr double kPoints = 1;  ///< Of accuracy that may be lost.

/// A way to make a file smaller, and the sizes that it is asked for, from large to small.
struct Way {
  std::string name;
  std::string options;
  bool budget = false;
};
const std::array kWays = {
    Way{"`linear`, full range, no balance", "--mode linear --set '.*:range=full' --balance off"},
    Way{"`linear`, no balance", "--mode linear --balance off"},
    Way{"`exp`, no balance", "--mode exp --balance off"},
    Way{"`linear`", "--mode linear"},
    Way{"`exp`", "--mode exp"},
    Way{"`exp`, bits by layer, no balance", "--mode exp --balance off", true},
    Way{"`exp`, bits by layer", "--mode exp", true},
    Way{"entropy coding, bits by layer", "--coding entropy", true},
};

std::vector<std::string> requests(const Way& way) {
  std::vector<std::string> all;
  if (way.budget) {
    for (int tenths = 40; tenths <= 160; tenths += 5) {
      all.push_back(fmt::format("--target-size {}x", tenths / 10.0));
    }
  } else {
    for (int bits = 8; bits >= 1; --bits) all.push_back(fmt::format("--bits {}", bits));
  }
  return all;
}

/// The last request before the first one that loses more.
struct Smallest {
  std::string request;
  SampleRun run;
};

std::optional<Smallest> smallest(SampleRuns& runs, const Way& way) {
  std::optional<Smallest> found;
  for (const std::string& request : requests(way)) {
    const SampleRun& run = runs.run(request + " " + way.options);
    if (runs.float_right() - run.right > kPoints) break;
    found = {request, run};
  }
  return found;
}

}  // namespace

Section six_times_section(SampleRuns& runs) {
  Table table({"way", "smallest", "bytes", "times smaller", "right, %", "lost, points"});
  for (const Way& way : kWays) {
    const std::optional<Smallest> found = smallest(runs, way);
    if (!found) {
      table.add({way.name, "none", "", "", "", ""});
      continue;
    }
    const auto ratio =
        static_cast<double>(runs.float_bytes()) / static_cast<double>(found->run.bytes);
    table.add({way.name, fmt::format("`{}`", found->request), fmt::format("{}", found->run.bytes),
               fmt::format("{:.2f}", ratio), fmt::format("{:.2f}", found->run.right),
               fmt::format("{:.2f}", runs.float_right() - found->run.right)});
  }
  Section section;
  section.facts = {{"smallest", table.text()},
                   {"images", fmt::format("{}", runs.images())},
                   {"float", fmt::format("{:.2f}", runs.float_right())},
                   {"float_bytes", fmt::format("{}", runs.float_bytes())}};
  return section;
}

}  // namespace wquant::papers
