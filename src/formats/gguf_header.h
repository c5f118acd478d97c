#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/gguf_blocks.h"
#include "wquant/model.h"

namespace wquant {

/// One tensor of a GGUF file.
struct GgufTensor {
  TensorInfo info;  ///< Shape and dtype as it is read.
  const GgufType* type = nullptr;
  std::uint64_t begin = 0;  ///< Of its bytes in the file.
  std::uint64_t size = 0;   ///< Of its bytes in the file.
};

/// Lists the tensors of the GGUF file (version 2 or 3, little-endian) whose bytes are `file`, in
/// its order. Checks that each lies apart from the others within the file and that names are
/// unique. Throws Error naming the tensor.
///
/// The file has "GGUF", a u32 version, u64 counts of tensors and of keys; for each key its name,
/// type and value; for each tensor its name, extents from the innermost outwards, type and offset
/// from the start of the data, which begin at the next multiple of the alignment.
std::vector<GgufTensor> read_gguf_header(std::span<const std::byte> file);

}  // namespace wquant
