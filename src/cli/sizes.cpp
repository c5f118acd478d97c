#include "cli/sizes.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/number.h"
#include "base/text.h"
#include "base/usage.h"

namespace wquant {

std::optional<double> number_before(std::string_view text, std::string_view unit) {
  if (!text.ends_with(unit)) return {};
  text.remove_suffix(unit.size());
  if (text.ends_with(' ')) text.remove_suffix(1);
  const std::optional<double> number = parse_number<double>(text);
  return number && *number > 0 && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr double kMost = 9e18;
  constexpr std::array<Unit, 5> kUnits = {
      {{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}};
  for (const Unit& unit : kUnits) {
    const auto number = number_before(text, unit.name);
    if (!number) continue;
    const double bytes = std::round(*number * unit.bytes);
    if (bytes >= 1 && bytes <= kMost) return static_cast<std::uint64_t>(bytes);
    break;
  }
  return {};
}

std::uint64_t parse_shard_size(const std::string& text) {
  if (const auto bytes = parse_bytes(text)) return *bytes;
  fail_usage(fmt::format("--shard-size \"{}\" is no size", printable(text)),
             "write for example 2GB or 500MB");
}

}  // namespace wquant
