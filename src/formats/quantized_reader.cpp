#include "formats/quantized_reader.h"

#include "formats/onnx.h"
#include "formats/quantized_file.h"
#include "wquant/error.h"

namespace wquant {
std::unique_ptr<QuantizedReader> open_quantized_file(const std::filesystem::path& path) {
  if (is_quantized_onnx(path)) return open_quantized_onnx(path);
  return std::make_unique<QuantizedModel>(path);
}

}  // namespace wquant
