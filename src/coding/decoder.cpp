#include "coding/decoder.h"

#include <algorithm>
#include <cstring>

#include "coding/rans.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::size_t kWordBytes = sizeof(std::uint16_t);

[[noreturn]] void throw_damaged() {
  throw Error("a block of its codes is damaged", "get it again");
}

/// The words of a block from its start on.
class Words {
 public:
  explicit Words(std::span<const std::uint8_t> bytes)
      : next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  /// Bytes that are left.
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - next_); }

  /// `state` with the next word below it, where it is low. A word must be left even where none is
  /// taken. Without a branch: whether a word comes is anything but predictable.
  std::uint32_t refill(std::uint32_t state) {
    std::uint16_t word = 0;
    std::memcpy(&word, next_, kWordBytes);
    const std::uint32_t low = state < kLowestState ? 1 : 0;
    next_ += low * kWordBytes;
    return state << (low * kWordBits) | (word & (0 - low));
  }

  /// The same; throws Error where the word is missing.
  std::uint32_t refill_checked(std::uint32_t state) {
    if (state >= kLowestState) return state;
    if (left() < kWordBytes) throw_damaged();
    return refill(state);
  }

 private:
  const std::uint8_t* next_;
  const std::uint8_t* end_;
};

}  // namespace

EntropyDecoder::EntropyDecoder(const FrequencyTable& table)
    : only_code_(table.only_code() < table.levels() ? table.only_code() : kMostLevels) {
  codes_.reserve(kFrequencySum);
  for (std::size_t code = 0; code < table.levels(); ++code) {
    const std::uint16_t frequency = table.frequencies()[code];
    ranges_[code] = {frequency, static_cast<std::uint16_t>(codes_.size())};
    codes_.insert(codes_.end(), frequency, static_cast<std::uint8_t>(code));
  }
}

template <std::size_t Lanes>
void EntropyDecoder::decode(std::span<const std::uint8_t> block,
                            std::span<std::uint8_t> codes) const {
  std::array<std::uint32_t, Lanes> states;
  if (block.size() < sizeof states) throw_damaged();
  std::memcpy(states.data(), block.data(), sizeof states);
  Words words(block.subspan(sizeof states));
  // The state of a lane after it gave back the code that it shows.
  const auto give = [this](std::uint32_t state, std::uint8_t& code) {
    const std::uint32_t slot = state % kFrequencySum;
    code = codes_[slot];
    const Range range = ranges_[code];
    return range.frequency * (state >> kFrequencyBits) + slot - range.start;
  };
  std::size_t i = 0;
  for (; codes.size() - i >= Lanes && words.left() >= Lanes * kWordBytes; i += Lanes) {
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      states[lane] = words.refill(give(states[lane], codes[i + lane]));
    }
  }
  for (; i < codes.size(); ++i) {
    std::uint32_t& state = states[i % Lanes];
    state = words.refill_checked(give(state, codes[i]));
  }
  const auto ended = [](std::uint32_t state) { return state == kLowestState; };
  if (words.left() != 0 || !std::ranges::all_of(states, ended)) throw_damaged();
}

void EntropyDecoder::decode_block(std::span<const std::uint8_t> block,
                                  std::span<std::uint8_t> codes) const {
  if (codes.empty() || only_code_ < kMostLevels) {
    if (!block.empty()) throw_damaged();
    std::ranges::fill(codes, static_cast<std::uint8_t>(only_code_));
    return;
  }
  with_lanes(codes.size(), [&](auto lanes) { decode<lanes>(block, codes); });
}

}  // namespace wquant
