#include "quant/refine.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <tuple>
#include <utility>

namespace wquant {
namespace {

/// A weight in the table, whose bits below the part's stand beside, at most ten of them. An entry
/// that has reached kFull, 1024 weights, goes to the sums: so it is small, and many stay in the
/// caches.
constexpr std::uint32_t kOne = 1U << 21;
constexpr std::uint32_t kFull = 1U << 31;
static_assert(kFull / kOne * ((1U << 10) - 1) < kOne);

}  // namespace

PartTable::PartTable(const Distribution& distribution, const MagnitudeMarks& marks, int part_bits)
    : shift_(marks.shift()),
      part_shift_(shift_ - part_bits),
      parts_(1U << part_bits),
      filter_(marks, distribution) {
  for (std::size_t bin = 0; bin < distribution.bins(); ++bin) {
    const std::size_t key = marks.key(distribution.lower(bin));
    if (!marks[key]) continue;
    if (bins_.empty()) first_key_ = static_cast<std::uint32_t>(key);
    bins_.push_back(bin);
    rows_.resize(key - first_key_ + 1);
    rows_.back() = static_cast<std::uint32_t>(bins_.size() * row_size());
  }
  rows_.push_back(0);  // Of keys beyond.
  table_.resize((bins_.size() + 1) * row_size());
  sums_.resize(table_.size());
}

void PartTable::add(WeightView weights) {
  filter_.pass(weights, [&](WeightView passed) { add_passed(passed); });
}

void PartTable::add_passed(WeightView weights) {
  // Copies of members: what is written to the table could be one of them.
  const auto [shift, part_shift, parts, first_key] =
      std::tuple(shift_, part_shift_, parts_, first_key_);
  const std::span<const std::uint32_t> rows = rows_;
  const std::span<std::uint32_t> table = table_;
  const std::uint32_t below = (1U << part_shift) - 1;
  for (std::size_t i = 0; i < weights.size; ++i) {
    const float w = weights.data[i];
    const auto bits = std::bit_cast<std::uint32_t>(w);
    // What lies before the first key wraps round.
    const std::uint32_t key = ((bits & (~0U >> 1)) >> shift) - first_key;
    const std::uint32_t row = rows[std::min<std::size_t>(key, rows.size() - 1)];
    const std::uint32_t side = bits >> 31 != 0 ? parts : 0;
    const std::uint32_t entry = row + side + ((bits >> part_shift) & (parts - 1));
    table[entry] += kOne + (bits & below);
    if (table[entry] >= kFull) drain(entry);
  }
}

void PartTable::drain(std::size_t entry) {
  const std::uint32_t sum = std::exchange(table_[entry], 0);
  sums_[entry].count += sum / kOne;
  sums_[entry].residual += sum % kOne;
}

void PartTable::drain() {
  for (std::size_t entry = 0; entry < table_.size(); ++entry) drain(entry);
}

PartTable& PartTable::operator+=(PartTable& other) {
  other.drain();
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    sums_[i].count += other.sums_[i].count;
    sums_[i].residual += other.sums_[i].residual;
  }
  return *this;
}

/// Sums of a part whose smallest magnitude has the bit pattern `edge`.
Tail PartTable::part_sums(std::size_t row, std::uint32_t part, std::uint32_t edge) const {
  const Sum& plus = sums_[row * row_size() + part];
  const Sum& minus = sums_[row * row_size() + parts_ + part];
  const double low = std::bit_cast<float>(edge);
  const double high = std::bit_cast<float>(edge + (1U << part_shift_));
  const double ulp = (high - low) / (1 << part_shift_);
  const auto sum = [&](const Sum& of) {
    return static_cast<double>(of.count) * low + static_cast<double>(of.residual) * ulp;
  };
  Tail tail;
  tail.count = static_cast<double>(plus.count + minus.count);
  tail.negative = static_cast<double>(minus.count);
  tail.sum = sum(plus) + sum(minus);
  tail.negative_sum = sum(minus);
  // (w - low)(high - w) >= 0 bounds the sum of squares.
  tail.square = (low + high) * tail.sum - tail.count * low * high;
  return tail;
}

Distribution PartTable::refine(Distribution distribution) {
  drain();
  std::vector<float> thresholds;
  std::vector<Tail> above;
  thresholds.reserve(bins_.size() * (parts_ - 1));
  above.reserve(thresholds.capacity());
  for (std::size_t row = 1; row <= bins_.size(); ++row) {
    const std::size_t bin = bins_[row - 1];
    const auto edge = std::bit_cast<std::uint32_t>(distribution.lower(bin));
    std::array<Tail, std::size_t{1} << kMostPartBits> tails;
    Tail tail = distribution.tail(bin + 1);
    for (std::uint32_t part = parts_; part-- > 0;) {
      tail += part_sums(row, part, edge + (part << part_shift_));
      tails[part] = tail;
    }
    for (std::uint32_t part = 1; part < parts_; ++part) {
      thresholds.push_back(std::bit_cast<float>(edge + (part << part_shift_)));
      above.push_back(tails[part]);
    }
  }
  distribution.cut(thresholds, above);
  return distribution;
}

}  // namespace wquant
