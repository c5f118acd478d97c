#pragma once

#include <string_view>

#include "wquant/settings.h"

namespace wquant {

/// Chooses the mode. What it prescribes (bits, no rescale) is set with it, and what the mode before
/// prescribed gets its default back. Throws Error (usage) for an unknown name.
void set_family(TensorSettings& settings, std::string_view name);

/// Throws Error (usage) when a setting is not for the mode.
void check_family(const TensorSettings& settings);

}  // namespace wquant
