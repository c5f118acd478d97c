#pragma once

#include <memory>

#include "formats/quantized_output.h"

namespace wquant {

/// The quantized form of an ONNX model that is itself an ONNX model: each quantized tensor becomes
/// its packed codes and levels, which standard operators expand when a runtime loads the model.
/// All else of the model stays as it is. The job's model must be an ONNX file.

QuantizedSizes quantized_onnx_sizes(const QuantizedJob& job);

std::unique_ptr<QuantizedOutput> make_quantized_onnx(const QuantizedJob& job, Overwrite overwrite);

}  // namespace wquant
