#include "coding/encoder.h"

#include <algorithm>
#include <cstring>

#include "coding/rans.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr int kReciprocalShift = 32 + kFrequencyBits;

std::uint64_t reciprocal_of(std::uint64_t frequency) {
  if (frequency == 0) return 0;
  return ((std::uint64_t{1} << kReciprocalShift) + frequency - 1) / frequency;
}

[[noreturn]] void throw_unknown_code() {
  throw Error("a code occurs that the counts for its entropy coding do not know");
}

}  // namespace

EntropyEncoder::EntropyEncoder(std::span<const std::uint64_t> counts)
    : table_(FrequencyTable::fit(counts)) {
  steps_.fill({0, 0, 0, kFrequencySum});
  std::uint32_t start = 0;
  for (std::size_t code = 0; code < table_.levels(); ++code) {
    const std::uint32_t f = table_.frequencies()[code];
    steps_[code] = {reciprocal_of(f), f << (32 - kFrequencyBits), static_cast<std::uint16_t>(start),
                    static_cast<std::uint16_t>(kFrequencySum - f)};
    start += f;
  }
}

/// Goes backwards, from the last code to the first and so from the end of the block to its start:
/// the decoder takes words and codes in ascending order.
template <std::size_t Lanes>
void EntropyEncoder::encode(std::span<const std::uint8_t> codes,
                            std::vector<std::uint8_t>& out) const {
  const std::size_t begin = out.size();
  out.resize(begin + sizeof(std::uint16_t) * codes.size() + sizeof(std::uint32_t) * Lanes);
  std::uint8_t* word = out.data() + out.size();
  std::array<std::uint32_t, Lanes> states;
  states.fill(kLowestState);
  std::uint32_t complements = 0;
  const auto take = [&](std::size_t lane, std::uint8_t code) {
    const Step& step = steps_[code];
    std::uint32_t x = states[lane];
    std::memcpy(word - sizeof(std::uint16_t), &x, sizeof(std::uint16_t));
    const bool full = x >= step.limit;
    word -= full ? sizeof(std::uint16_t) : 0;
    x = full ? x >> kWordBits : x;
    const std::uint64_t quotient = x * step.reciprocal >> kReciprocalShift;
    states[lane] = x + step.start + static_cast<std::uint32_t>(quotient) * step.complement;
    complements |= step.complement;
  };
  std::size_t i = codes.size();
  for (; i % Lanes != 0; --i) take((i - 1) % Lanes, codes[i - 1]);
  for (; i != 0; i -= Lanes) {
    for (std::size_t lane = Lanes; lane-- > 0;) take(lane, codes[i - Lanes + lane]);
  }
  if ((complements & kFrequencySum) != 0) throw_unknown_code();
  word -= sizeof states;
  std::memcpy(word, states.data(), sizeof states);
  out.erase(out.begin() + static_cast<std::ptrdiff_t>(begin),
            out.end() - (out.data() + out.size() - word));
}

void EntropyEncoder::encode_block(std::span<const std::uint8_t> codes,
                                  std::vector<std::uint8_t>& out) const {
  if (codes.empty()) return;
  if (const std::size_t only = table_.only_code(); only < table_.levels()) {
    if (!std::ranges::all_of(codes, [only](std::uint8_t code) { return code == only; })) {
      throw_unknown_code();
    }
    return;
  }
  with_lanes(codes.size(), [&](auto lanes) { encode<lanes>(codes, out); });
}

}  // namespace wquant
