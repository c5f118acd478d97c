#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace wquant::bench {

/// A way to code the codes of a tensor, a byte each.
struct Coder {
  const char* name;
  std::vector<std::uint8_t> (*encode)(std::span<const std::uint64_t> counts,
                                      std::span<const std::uint8_t> codes);
  void (*decode)(std::span<const std::uint8_t> coded, std::span<std::uint8_t> codes);
  std::size_t (*table_bytes)(std::size_t levels);  ///< Among the bytes; 0 where nobody knows.
};

/// Wquant's, and those of the libraries that are there.
std::vector<Coder> coders();

/// Libzstd's, in blocks of as many codes as wquant's; none where it is not there.
std::vector<Coder> zstd_coders();

}  // namespace wquant::bench
