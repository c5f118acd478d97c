#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "formats/pickle.h"

namespace wquant {

/// For pickles of plain values in the older forms of torch.save.
std::optional<std::size_t> no_globals(std::string_view module, std::string_view name);

/// Throws Error unless the dict of facts about the machine says that it is little-endian.
void check_machine(const Pickle& pickle);

}  // namespace wquant
