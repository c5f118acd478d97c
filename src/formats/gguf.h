#pragma once

#include <filesystem>
#include <memory>

#include "formats/format.h"
#include "wquant/model.h"

namespace wquant {

/// True for a file that begins with "GGUF".
bool gguf_claims(const Probe& probe);

/// Maps the file. Plain tensors have a view; those of Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1 are turned
/// into F32 as they are read. Shapes are in C order, the reverse of the file's.
std::unique_ptr<ModelReader> open_gguf(const std::filesystem::path& path);

}  // namespace wquant
