#include <vector>

#include "formats/like.h"
#include "formats/onnx.h"
#include "formats/onnx_file.h"
#include "formats/onnx_output.h"
#include "formats/onnx_rewrite.h"
#include "formats/slabs.h"
#include "wquant/error.h"

namespace wquant {
namespace {

std::vector<TensorInfo> infos_of(const OnnxFile& file) {
  std::vector<TensorInfo> infos;
  for (const OnnxTensor& tensor : file.tensors()) infos.push_back(tensor.info);
  return infos;
}

}  // namespace

void write_onnx_like(const ModelReader& model, const std::filesystem::path& path,
                     const std::filesystem::path& like, Overwrite overwrite,
                     const RunOptions& options) {
  const OnnxFile file(like);
  const std::vector<std::size_t> match = match_tensors(model, infos_of(file));
  const std::vector<OnnxEdit> edits(match.size(), OnnxEdit{OnnxEdit::Kind::kReplace});
  OnnxOutput output(path, overwrite, rewrite_onnx(file, edits, onnx_data_name(path)));
  Meter meter(options, total_bytes(model));
  for (std::size_t i = 0; i < match.size(); ++i) {
    std::uint64_t offset = 0;
    for_each_slab(model, match[i], meter, [&](std::span<const std::byte> bytes) {
      output.write(onnx_hole(i, Part::kData), offset, bytes);
      offset += bytes.size();
    });
  }
  output.commit();
}

}  // namespace wquant
