#include "coding/encoder.h"

#include <algorithm>
#include <cstddef>
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

/// Words that are written from the end of a buffer towards its start.
class WordsBackward {
 public:
  explicit WordsBackward(std::uint8_t* end) : first_(end) {}

  /// `state` below `limit`: where it is not, its lower bits become a word. There must be room for a
  /// word even where none is written. By arithmetic, of which compilers make no branch: whether one
  /// is, is not predictable.
  std::uint32_t make_room(std::uint32_t state, std::uint32_t limit) {
    std::memcpy(first_ - sizeof(std::uint16_t), &state, sizeof(std::uint16_t));
    const std::uint32_t words = state >= limit ? 1 : 0;
    first_ -= words * sizeof(std::uint16_t);
    return state >> words * kWordBits;
  }

  /// The states go before the words. Returns where they begin.
  std::uint8_t* put_states(std::span<const std::uint32_t> states) {
    first_ -= states.size_bytes();
    std::memcpy(first_, states.data(), states.size_bytes());
    return first_;
  }

 private:
  std::uint8_t* first_;
};

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
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  std::array<std::uint32_t, Lanes> states;
  states.fill(kLowestState);
  out.resize(out.size() + sizeof(std::uint16_t) * codes.size() + sizeof states);
  WordsBackward words(out.data() + out.size());
  std::uint32_t complements = 0;
  const auto take = [&](std::uint32_t state, std::uint8_t code) {
    const Step& step = steps_[code];
    complements |= step.complement;
    const std::uint32_t x = words.make_room(state, step.limit);
    const auto quotient = static_cast<std::uint32_t>(x * step.reciprocal >> kReciprocalShift);
    return x + step.start + quotient * step.complement;
  };
  std::size_t i = codes.size();
  for (; i % Lanes != 0; --i) states[(i - 1) % Lanes] = take(states[(i - 1) % Lanes], codes[i - 1]);
  for (; i != 0; i -= Lanes) {
    for (std::size_t lane = Lanes; lane-- > 0;) {
      states[lane] = take(states[lane], codes[i - Lanes + lane]);
    }
  }
  const auto unused = words.put_states(states) - (out.data() + begin);
  out.erase(out.begin() + begin, out.begin() + begin + unused);
  if ((complements & kFrequencySum) != 0) throw_unknown_code();
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
