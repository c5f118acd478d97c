#pragma once

#include <filesystem>
#include <memory>

#include "formats/format.h"

namespace wquant {

/// A JSON model is one object that maps the name of each tensor to
///   - nested lists of numbers: [[1, 2.5], [3, 4]], or one number for a scalar, or
///   - {"dtype": "F32", "shape": [2, 2], "data": [1, 2.5, 3, 4]}, where data are flat or nested;
///     dtype and, with nested data, shape may be left out.
/// Without a dtype numbers are F32, integers too, and true and false are BOOL. Each number is
/// rounded once, to the nearest value of its dtype; one out of range is an error.
bool json_claims(const Probe& probe);

/// The whole model is held in memory.
std::unique_ptr<ModelReader> open_json(const std::filesystem::path& path);

/// Writes the second form with flat data and the fewest digits that read back as the same number.
/// Throws Error for NaN and infinity, which JSON does not have.
void write_json(const ModelReader& model, const std::filesystem::path& path, Overwrite overwrite,
                const RunOptions& options);

}  // namespace wquant
