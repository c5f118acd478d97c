#include <fmt/format.h>

#include <cstdlib>
#include <vector>

#include "base/text.h"
#include "kernels/kernels.h"
#include "wquant/error.h"
#include "wquant/version.h"

namespace wquant {

std::string_view kernels_in_use() {
  const KernelList list = runnable_kernels();
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < list.size; ++i) names.emplace_back(list.begin[i]->name);
  const char* wanted = std::getenv("WQUANT_KERNELS");
  const std::string_view used = kernels().name;
  if (wanted == nullptr || *wanted == '\0' || wanted == used) return used;
  throw Error(fmt::format("WQUANT_KERNELS is \"{}\", which this machine or build does not run",
                          printable(wanted)),
              fmt::format("set it to one of {}, or not at all", fmt::join(names, ", ")),
              ErrorKind::kUsage);
}

}  // namespace wquant
