#pragma once

#include <memory>

#include "formats/quantized_output.h"

namespace wquant {

/// A quantized model in several quantized files of one folder, with an index that holds the
/// checksums of their headers. Each file can be read and checked alone.

QuantizedSizes quantized_shards_sizes(const QuantizedJob& job);

std::unique_ptr<QuantizedOutput> make_quantized_shards(const QuantizedJob& job,
                                                       Overwrite overwrite);

}  // namespace wquant
