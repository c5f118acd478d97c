#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wquant {

/// Text made short for a place that takes letters and digits only: a raw deflate stream (RFC 1951)
/// in base64 (RFC 4648).
std::string pack_text(std::string_view text);

/// The way back. Throws Error for what is no such text, and for one of more than `most` bytes.
std::string unpack_text(std::string_view packed, std::uint64_t most);

/// No text of that many bytes takes more when it is packed.
std::uint64_t most_packed_bytes(std::uint64_t bytes);

}  // namespace wquant
