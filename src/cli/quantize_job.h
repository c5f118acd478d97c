#pragma once

#include <optional>

#include "cli/quantize_options.h"
#include "cli/quantize_outputs.h"
#include "cli/size_target.h"
#include "formats/quantized_output.h"
#include "wquant/report.h"

namespace wquant {

/// Quantizes into the outputs, or only plans where that is asked for, with what a survey has found
/// where bits are to be chosen; `plan` is that of the job. That is done once, or again with more
/// bytes for tensors that balancing took too much correlation from, or nearer to the size that is
/// asked for.
Report run_job(const QuantizedFormat& format, const QuantizedJob& job, Plan& plan,
               std::optional<Survey> survey, const QuantizeOptions& options,
               const Outputs& outputs);

}  // namespace wquant
