#include "wquant/version.h"

namespace wquant {

std::string_view version() { return WQUANT_VERSION; }

}  // namespace wquant
