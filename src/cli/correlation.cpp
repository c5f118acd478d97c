#include "cli/correlation.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/paths.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {

const TensorReport* worst_tensor(const Report& report) {
  const TensorReport* worst = nullptr;
  for (const TensorReport& tensor : report.tensors) {
    if (!tensor.quantized) continue;
    if (worst == nullptr || !(tensor.codebook.rho >= worst->codebook.rho)) worst = &tensor;
  }
  return worst;
}

void require_correlation(const Report& report, double limit, const std::string& file) {
  std::vector<std::string> below;
  for (const TensorReport& tensor : report.tensors) {
    if (!tensor.quantized || tensor.codebook.rho >= limit) continue;
    below.push_back(fmt::format("{} ({:.6f})", printable(tensor.info.name), tensor.codebook.rho));
  }
  if (below.empty()) return;
  throw Error(fmt::format("correlation below the limit {}: {}", limit, first_few(below)),
              "give them more bits or lower --min-correlation", ErrorKind::kLimit)
      .at_file(file);
}

void require_quantized(const std::filesystem::path& path) {
  require_exists(path);
  if (is_quantized_file(path)) return;
  open_model(path);  // Tells what is wrong with a file that is no model at all.
  throw Error("not a quantized file", "give one that wquant quantize wrote").at_file(path.string());
}

}  // namespace wquant
