#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coding/coded_tensor.h"
#include "formats/masked_codes.h"
#include "formats/quantized_file_header.h"
#include "wquant/report.h"

namespace wquant {

/// One tensor of a quantized file as its header describes it.
struct StoredTensor {
  std::uint64_t index = 0;  ///< Its place in the model.
  std::size_t file = 0;     ///< Number of the file that holds its parts.
  TensorReport report;      ///< With the levels, without thresholds.
  PartChecksums checksums;
  Dtype levels = Dtype::kF32;                 ///< That they are stored as.
  std::shared_ptr<const CodedTensor> coded;   ///< Reads codes that are stored at their entropy.
  std::shared_ptr<const MaskedCodes> masked;  ///< Reads codes beside a mask of zeros.
  std::optional<std::size_t> same_as;         ///< Index of the tensor whose parts it shares.
  PerPart<std::span<const std::byte>> parts;  ///< In the file; empty for those it does not have.
};

/// Whether a tensor of a file has that part.
bool has_part(const TensorReport& tensor, Part part);

struct QuantizedContents {
  std::vector<StoredTensor> tensors;  ///< In the original model's order.
  std::string settings;               ///< JSON text.
  std::string shard;                  ///< Which file of several, "2/3"; empty: the only one.
  std::uint64_t header_bytes = 0;     ///< Of all files.
};

/// Puts a quantized model together from the whole bytes of its files.
class QuantizedParser {
 public:
  QuantizedParser();
  QuantizedParser(const QuantizedParser&) = delete;
  QuantizedParser& operator=(const QuantizedParser&) = delete;
  ~QuantizedParser();

  /// Checks the header of a file and that the parts that it names have the sizes that it implies;
  /// the data themselves are not looked at but for copying the levels. Returns the checksum of the
  /// header. Throws Error naming the tensor.
  std::uint32_t add(std::span<const std::byte> file);

  /// What all files hold; points into them. Throws Error where a tensor is missing, other than
  /// those of the other files when there was but one of several.
  QuantizedContents finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wquant
