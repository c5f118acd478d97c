#include "formats/quantized_output.h"

#include <algorithm>
#include <array>

#include "formats/onnx_quantized.h"
#include "formats/quantized_file.h"
#include "formats/quantized_shards.h"

namespace wquant {
namespace {

QuantizedSizes safetensors_sizes(const QuantizedJob& job) {
  const std::uint64_t header = foreseen_header_bytes(job.plan, job.settings);
  std::uint64_t parts = 0;
  for (const PlannedTensor& tensor : job.plan.tensors) parts += stored_size(tensor);
  return {header, header + parts};
}

std::unique_ptr<QuantizedOutput> make_safetensors(const QuantizedJob& job, Overwrite overwrite) {
  return std::make_unique<QuantizedWriter>(job.output, job.plan, job.settings, overwrite,
                                           QuantizedShard(), job.threads);
}

constexpr std::array<QuantizedFormat, 2> kFormats = {{
    {".safetensors", "", true, true, safetensors_sizes, make_safetensors},
    {".onnx", "onnx", false, false, quantized_onnx_sizes, make_quantized_onnx},
}};

constexpr QuantizedFormat kFolder = {
    "", "", true, true, quantized_shards_sizes, make_quantized_shards};

}  // namespace

Plan make_plan(const ModelReader& model, const Settings& settings, const QuantizedFormat& format) {
  Plan plan = make_plan(model, settings);
  for (PlannedTensor& tensor : plan.tensors) tensor.takes_mask = format.takes_mask;
  return plan;
}

const QuantizedFormat& quantized_folder_format() { return kFolder; }

const QuantizedFormat* find_quantized_format(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  const auto* const row =
      std::find_if(kFormats.begin(), kFormats.end(),
                   [&](const QuantizedFormat& format) { return format.extension == extension; });
  return row == kFormats.end() ? nullptr : row;
}

}  // namespace wquant
