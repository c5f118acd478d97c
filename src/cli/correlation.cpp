#include "cli/correlation.h"

#include <fmt/format.h>

#include <system_error>

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
  const TensorReport* worst = worst_tensor(report);
  if (worst == nullptr || worst->codebook.rho >= limit) return;
  throw Error(fmt::format("correlation {:.6f} is below the limit {}", worst->codebook.rho, limit),
              "give it more bits or lower --min-correlation", ErrorKind::kLimit)
      .at_tensor(worst->info.name)
      .at_file(file);
}

void require_quantized(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::exists(path, code)) {
    throw Error("no such file").at_file(path.string());
  }
  if (is_quantized_file(path)) return;
  throw Error("not a quantized file", "give one that wquant quantize wrote").at_file(path.string());
}

}  // namespace wquant
