#define ZSTD_STATIC_LINKING_ONLY  // Huffman codes alone are asked for by an experimental parameter.
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "bench/coders.h"
#include "coding/rans.h"
#include "wquant/error.h"

namespace wquant::bench {
namespace {

using Parameters = std::initializer_list<std::pair<ZSTD_cParameter, int>>;

std::size_t checked(std::size_t result) {
  if (ZSTD_isError(result) != 0) throw Error(ZSTD_getErrorName(result));
  return result;
}

/// Every block: its length in 4 bytes, the block.
std::vector<std::uint8_t> encode(std::span<const std::uint8_t> codes, Parameters parameters) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     ZSTD_freeCCtx);
  for (const auto& [parameter, value] : parameters) {
    checked(ZSTD_CCtx_setParameter(context.get(), parameter, value));
  }
  std::vector<std::uint8_t> out;
  std::vector<std::uint8_t> block(ZSTD_compressBound(kBlockCodes));
  for (std::size_t first = 0; first < codes.size(); first += kBlockCodes) {
    const auto part = codes.subspan(first, std::min(kBlockCodes, codes.size() - first));
    const std::size_t size = checked(
        ZSTD_compress2(context.get(), block.data(), block.size(), part.data(), part.size()));
    const auto length = static_cast<std::uint32_t>(size);
    out.resize(out.size() + sizeof length);
    std::memcpy(out.data() + out.size() - sizeof length, &length, sizeof length);
    out.insert(out.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size));
  }
  return out;
}

void decode(std::span<const std::uint8_t> coded, std::span<std::uint8_t> codes) {
  while (!codes.empty()) {
    std::uint32_t length = 0;
    std::memcpy(&length, coded.data(), sizeof length);
    const std::size_t size =
        checked(ZSTD_decompress(codes.data(), codes.size(), coded.data() + sizeof length, length));
    coded = coded.subspan(sizeof length + length);
    codes = codes.subspan(size);
  }
}

template <int Level>
std::vector<std::uint8_t> encode_level(std::span<const std::uint64_t> /*counts*/,
                                       std::span<const std::uint8_t> codes) {
  return encode(codes, {{ZSTD_c_compressionLevel, Level}, {ZSTD_c_contentSizeFlag, 0}});
}

/// Matches are looked for as little as can be.
std::vector<std::uint8_t> encode_huffman(std::span<const std::uint64_t> /*counts*/,
                                         std::span<const std::uint8_t> codes) {
  return encode(codes, {{ZSTD_c_contentSizeFlag, 0},
                        {ZSTD_c_strategy, ZSTD_fast},
                        {ZSTD_c_minMatch, 7},
                        {ZSTD_c_targetLength, 1 << 17},
                        {ZSTD_c_hashLog, 6},
                        {ZSTD_c_literalCompressionMode, ZSTD_ps_enable}});
}

std::size_t table_bytes(std::size_t /*levels*/) { return 0; }

}  // namespace

std::vector<Coder> zstd_coders() {
  return {{"zstd 1", encode_level<1>, decode, table_bytes},
          {"zstd 3", encode_level<3>, decode, table_bytes},
          {"zstd 9", encode_level<9>, decode, table_bytes},
          {"zstd, Huffman", encode_huffman, decode, table_bytes}};
}

}  // namespace wquant::bench
