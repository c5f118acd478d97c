#pragma once

#include <string_view>

namespace wquant {

/// Version of the library, "MAJOR.MINOR.PATCH".
std::string_view version();

}  // namespace wquant
