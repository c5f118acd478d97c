#include "formats/pytorch_machine.h"

#include <span>

#include "wquant/error.h"

namespace wquant {

std::optional<std::size_t> no_globals(std::string_view /*module*/, std::string_view /*name*/) {
  return std::nullopt;
}

void check_machine(const Pickle& pickle) {
  const std::span<const PickleRef> entries = pickle.at(pickle.root).entries();
  for (std::size_t i = 0; i < entries.size(); i += 2) {
    const PickleValue& value = pickle.at(entries[i + 1]);
    if (pickle.at(entries[i]).text != "little_endian" || value.number == 1) continue;
    throw Error("has byte order \"big\"", "save it again on a little-endian machine");
  }
}

}  // namespace wquant
