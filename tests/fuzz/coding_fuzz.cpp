#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "coding/coded_tensor.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using Bytes = std::span<const std::uint8_t>;

/// Codes of damaged blocks are an Error, and ranges are parts of the whole.
void decode(Bytes stored, std::uint64_t count) {
  try {
    const CodedTensor tensor(stored, count);
    std::vector<std::uint8_t> whole(count);
    tensor.read(0, whole);
    if (!std::ranges::all_of(whole, [&](auto code) { return code < tensor.levels(); }))
      std::abort();
    std::vector<std::uint8_t> part(count / 2);
    tensor.read(count / 3, part);
    const auto first = whole.begin() + static_cast<std::ptrdiff_t>(count / 3);
    if (!std::equal(part.begin(), part.end(), first)) std::abort();
  } catch (const Error& error) {
    if (std::strlen(error.what()) == 0) std::abort();
  }
}

/// Bytes as codes come back.
void code(Bytes codes) {
  std::vector<std::uint64_t> counts(256);
  for (const std::uint8_t code : codes) ++counts[code];
  const std::vector<std::uint8_t> stored = encode_tensor(counts, codes);
  std::vector<std::uint8_t> back(codes.size());
  CodedTensor(stored, codes.size()).read(0, back);
  if (!std::ranges::equal(codes, back)) std::abort();
}

}  // namespace
}  // namespace wquant

/// Three bytes, the number of codes (below 2^18), then what is stored of them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kCount = 3;
  if (size < kCount) return 0;
  const std::uint32_t count = data[0] + 0x100U * data[1] + 0x10000U * (data[2] & 3U);
  wquant::decode({data + kCount, size - kCount}, count);
  wquant::code({data, size});
  return 0;
}
