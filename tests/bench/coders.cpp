#include "bench/coders.h"

#include "coding/coded_tensor.h"

namespace wquant::bench {
namespace {

void decode(std::span<const std::uint8_t> coded, std::span<std::uint8_t> codes) {
  CodedTensor(coded, codes.size()).read(0, codes);
}

std::size_t table_bytes(std::size_t levels) { return 1 + levels; }

}  // namespace

std::vector<Coder> coders() {
  std::vector<Coder> all = {{"rANS", encode_tensor, decode, table_bytes}};
  for (const Coder& coder : zstd_coders()) all.push_back(coder);
  return all;
}

}  // namespace wquant::bench
