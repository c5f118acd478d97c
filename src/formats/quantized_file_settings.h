#pragma once

#include <nlohmann/json_fwd.hpp>

#include "wquant/settings.h"

namespace wquant {

/// The settings of one tensor as its member of the header has them. Throws Error.
TensorSettings parse_settings(const nlohmann::json& object);

/// Whether its codes stand beside a mask of zeros.
bool has_mask(const nlohmann::json& object);

}  // namespace wquant
