#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coding/coded_tensor.h"
#include "formats/quantized_file_header.h"
#include "wquant/report.h"

namespace wquant {

/// One tensor of a quantized file as its header describes it.
struct StoredTensor {
  TensorReport report;  ///< With the levels, without thresholds.
  PartChecksums checksums;
  std::shared_ptr<const CodedTensor> coded;   ///< Reads codes that are stored at their entropy.
  std::optional<std::size_t> same_as;         ///< Index of the tensor whose parts it shares.
  PerPart<std::span<const std::byte>> parts;  ///< In the file; empty for those it does not have.
};

struct QuantizedContents {
  std::vector<StoredTensor> tensors;  ///< In the original model's order.
  std::string settings;               ///< JSON text.
  std::uint64_t header_bytes = 0;
};

/// Checks the header of a whole file and that the parts that it names have the sizes that it
/// implies; the data themselves are not looked at but for copying the levels. Throws Error naming
/// the tensor. The result points into `file`.
QuantizedContents parse_quantized(std::span<const std::byte> file);

}  // namespace wquant
