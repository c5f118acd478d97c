#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace wquant {

/// Where quantize writes by default: beside the input, its name with `.exp3.safetensors` in place
/// of its extension (a folder's name is taken whole); 0 bits are left out. A folder that is written
/// has no extension.
std::filesystem::path quantized_path(const std::filesystem::path& input, std::string_view mode,
                                     int bits, bool is_folder);

/// Where the report of a quantized file lies: `.report.json` in place of `.safetensors` or
/// `.onnx`.
std::filesystem::path report_path(const std::filesystem::path& written);

/// Where dequantize writes by default: the name with the format's own extension in place of
/// `.safetensors` or `.onnx`; `.npz` where no format is named.
std::filesystem::path float_path(const std::filesystem::path& read, std::string_view format);

/// Throws Error when there is nothing of that name.
void require_exists(const std::filesystem::path& path);

/// Throws Error when `output` is `input` or a file of that folder, also through links, when it
/// exists and `force` is not set, or when its folder does not exist.
void check_output(const std::filesystem::path& output, const std::filesystem::path& input,
                  bool force);

}  // namespace wquant
