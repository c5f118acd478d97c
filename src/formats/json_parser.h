#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "wquant/model.h"

namespace wquant {

struct JsonTensor {
  TensorInfo info;
  std::vector<std::byte> bytes;  ///< As ModelReader::read() gives them.
};

/// Parses the text of a JSON model (see json.h). Throws Error that tells the line of a syntax
/// error, or the tensor and the place in its lists.
std::vector<JsonTensor> parse_json_model(std::string_view text);

}  // namespace wquant
