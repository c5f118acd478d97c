#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// Bytes as letters and digits (RFC 4648): 4 of them for 3 bytes, filled up with `=`.
std::string to_base64(std::span<const std::byte> bytes);

/// The way back. Throws Error for what is no such text.
std::vector<std::byte> from_base64(std::string_view text);

/// Length of the text for so many bytes.
std::uint64_t base64_size(std::uint64_t bytes);

}  // namespace wquant
