#pragma once

#include "base/json_text.h"
#include "wquant/settings.h"

namespace wquant {

/// How a tensor is quantized, as members of the object that is open.
void add_settings(JsonWriter& json, const TensorSettings& settings);

}  // namespace wquant
