#pragma once

#include <filesystem>

#include "cli/quantize_options.h"
#include "formats/quantized_output.h"

namespace wquant {

/// Where the run writes.
struct Outputs {
  std::filesystem::path model, report;
  std::filesystem::path page;  ///< Of the report; empty: none.
  bool is_folder = false;      ///< Of several files and their index.
};

/// By the name that was given, or the input's. Throws Error (usage).
Outputs outputs_of(const QuantizeOptions& options);

/// Refuses before any work what could not be written after it.
void check_outputs(const Outputs& outputs, const QuantizeOptions& options);

/// The kind of file that is written from the model. Throws Error (usage) where that is none.
const QuantizedFormat& format_of(const Outputs& outputs, const ModelReader& model);

}  // namespace wquant
