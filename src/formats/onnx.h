#pragma once

#include <filesystem>
#include <memory>

#include "formats/format.h"
#include "formats/onnx_file.h"
#include "formats/quantized_reader.h"
#include "wquant/model.h"

namespace wquant {

/// True for a file that begins like an ONNX model as all known writers write it: the version of
/// its format first. The encoding has no mark of its own.
bool onnx_claims(const Probe& probe);

/// Maps the file and those of its external data; every tensor has a view. Tensors come in the
/// order of the graph. A model that quantize wrote opens as the float model it stands for, with
/// the format kQuantizedOnnx.
std::unique_ptr<ModelReader> open_onnx(const std::filesystem::path& path);

inline constexpr std::string_view kQuantizedOnnx = "wquant-onnx";

/// True for an ONNX model that quantize wrote. Throws nothing that concerns its content.
bool is_quantized_onnx(const std::filesystem::path& path);

/// Opens such a model; quantized tensors come first.
std::unique_ptr<QuantizedReader> open_quantized_onnx(const std::filesystem::path& path);

/// The same for a file that is open.
std::unique_ptr<QuantizedReader> make_quantized_onnx_model(const std::filesystem::path& path,
                                                           std::unique_ptr<OnnxFile> file);

/// Writes the model `like` with the weights of `model`, which must hold the same tensors.
void write_onnx_like(const ModelReader& model, const std::filesystem::path& path,
                     const std::filesystem::path& like, Overwrite overwrite,
                     const RunOptions& options);

}  // namespace wquant
