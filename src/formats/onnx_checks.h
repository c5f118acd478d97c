#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"

namespace wquant {

/// Key of a quantized model's metadata that holds what it is checked by.
inline constexpr std::string_view kOnnxChecksKey = "wquant.checksums";

/// What a quantized model is checked by.
struct OnnxChecks {
  struct Tensor {
    std::uint32_t checksum = 0;  ///< Of its codes, levels and scales, one after the other.
    double rho = 0;              ///< Correlation, to 6 digits; NaN where there is none.
  };
  std::vector<Tensor> quantized;  ///< In the order that nodes make them.
  std::size_t nodes = 0;          ///< The first of the graph so many make them.
  std::uint32_t file = 0;         ///< Of the model's file, see onnx_file_checksum().
  std::uint32_t kept = 0;  ///< Of the elements of all other tensors, in the order of the file.
};

/// The value of the key, as JSON text; its size depends on the numbers of tensors and nodes alone.
std::string onnx_checks_text(const OnnxChecks& checks);

/// The way back. Throws Error.
OnnxChecks parse_onnx_checks(std::string_view text);

/// CRC-32 of a model's file when the 8 digits of OnnxChecks::file in it read 00000000. `text` is
/// the text of the checks, in the file. Throws Error for a text that does not begin with them.
std::uint32_t onnx_file_checksum(const MappedFile& file, std::string_view text);

}  // namespace wquant
