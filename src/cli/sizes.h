#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wquant {

/// The positive number that `text` spells before `unit`, with or without a space between; nothing
/// when it is none.
std::optional<double> number_before(std::string_view text, std::string_view unit);

/// The bytes that "500000", "500 kB", "4.2MB" or "2GB" spell, to the nearest; nothing for any other
/// text, for less than a byte and for more than a file can have.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// The value of --shard-size. Throws Error (usage).
std::uint64_t parse_shard_size(const std::string& text);

}  // namespace wquant
