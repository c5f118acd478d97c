#include "formats/pytorch_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::string_view kParallel = "module.";

/// How many first parts all paths share, not counting the last part of any.
std::size_t shared_parts(const std::vector<PytorchPath>& paths) {
  const PytorchPath& first = paths.front();
  std::size_t shared = first.size();
  for (const PytorchPath& path : paths) {
    shared = std::min(shared, path.empty() ? 0 : path.size() - 1);
    const auto differ = std::mismatch(first.begin(), first.end(), path.begin(), path.end()).first;
    shared = std::min(shared, static_cast<std::size_t>(differ - first.begin()));
  }
  return shared;
}

void check_unique(const std::vector<std::string>& names) {
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) throw Error("is in the file twice").at_tensor(name);
  }
}

}  // namespace

std::vector<std::string> pytorch_names(const std::vector<PytorchPath>& paths,
                                       const std::string& alone) {
  std::vector<std::string> names;
  if (paths.empty()) return names;
  const auto shared = static_cast<std::ptrdiff_t>(shared_parts(paths));
  for (const PytorchPath& path : paths) {
    names.push_back(path.empty()
                        ? alone
                        : fmt::format("{}", fmt::join(path.begin() + shared, path.end(), ".")));
  }
  const bool parallel = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return name.starts_with(kParallel) && name.size() > kParallel.size();
  });
  if (parallel) {
    for (std::string& name : names) name.erase(0, kParallel.size());
  }
  check_unique(names);
  return names;
}

}  // namespace wquant
