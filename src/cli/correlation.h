#pragma once

#include <filesystem>
#include <string>

#include "wquant/report.h"

namespace wquant {

/// The quantized tensor of the lowest correlation; null when none is quantized.
const TensorReport* worst_tensor(const Report& report);

/// Throws Error (limit) naming `file` and the tensors whose correlation is below `limit`.
void require_correlation(const Report& report, double limit, const std::string& file);

/// Throws Error when `path` is no quantized file; what is wrong with it when it is damaged.
void require_quantized(const std::filesystem::path& path);

}  // namespace wquant
