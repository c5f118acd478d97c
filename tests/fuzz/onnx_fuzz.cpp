#include "formats/onnx.h"

#include "formats/onnx_rewrite.h"
#include "fuzz/fuzz_support.h"

namespace {

void verify(const std::filesystem::path& path) {
  if (wquant::is_quantized_onnx(path)) wquant::open_quantized_onnx(path)->verify({});
}

/// A model that can be read can be written anew with the same tensors.
void rewrite(const std::filesystem::path& path) {
  const wquant::OnnxFile file(path);
  for (const auto kind : {wquant::OnnxEdit::Kind::kReplace, wquant::OnnxEdit::Kind::kExpand}) {
    const std::vector<wquant::OnnxEdit> edits(file.tensors().size(), {kind, 3});
    for (const std::uint64_t limit : {std::uint64_t{0}, wquant::kMaxOnnxModel}) {
      const wquant::OnnxLayout layout = wquant::rewrite_onnx(file, edits, "data", limit);
      std::uint64_t size = 0;
      for (const auto& piece : layout.model.pieces()) size += piece.size;
      if (size != layout.model.size()) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const wquant::fuzz::MemoryFile file({data, size});
  wquant::fuzz::open_and_read(wquant::open_onnx, file.path());
  try {
    verify(file.path());
    rewrite(file.path());
  } catch (const wquant::Error&) {
    return 0;
  }
  return 0;
}
