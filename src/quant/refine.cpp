#include "quant/refine.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace wquant {
namespace {

constexpr std::uint32_t kParts = 1U << kPartBits;
/// Entries of a row of the table: parts of weights above zero, then below.
constexpr std::size_t kRow = std::size_t{2} * kParts;
/// A weight in the table, whose bits below the part's stand beside.
constexpr std::uint64_t kOne = std::uint64_t{1} << 40;

}  // namespace

PartTable::PartTable(const Distribution& distribution, const MagnitudeMarks& marks)
    : shift_(marks.shift()), filter_(marks, distribution), rows_(marks.keys()) {
  for (std::size_t bin = 0; bin < distribution.bins(); ++bin) {
    const std::size_t key = marks.key(distribution.lower(bin));
    if (marks[key] == 0) continue;
    bins_.push_back(bin);
    rows_[key] = static_cast<std::uint32_t>(bins_.size());
  }
  table_.resize((bins_.size() + 1) * kRow);
  sums_.resize(table_.size());
}

void PartTable::add(WeightView weights) {
  if (counted_ + weights.size > kKeyFlush) drain();
  counted_ += weights.size;
  filter_.pass(weights, [&](WeightView passed) { add_passed(passed); });
}

void PartTable::add_passed(WeightView weights) {
  const int part_shift = shift_ - kPartBits;
  const std::uint32_t below = (1U << part_shift) - 1;
  for (std::size_t i = 0; i < weights.size; ++i) {
    const float w = weights.data[i];
    const auto bits = std::bit_cast<std::uint32_t>(w);
    const std::size_t row = rows_[(bits & (~0U >> 1)) >> shift_];
    const std::uint32_t part = (bits >> 31) * kParts + (bits >> part_shift) % kParts;
    table_[row * kRow + part] += kOne + (bits & below);
  }
}

void PartTable::drain() {
  for (std::size_t i = 0; i < table_.size(); ++i) {
    const std::uint64_t sum = std::exchange(table_[i], 0);
    sums_[i].count += sum / kOne;
    sums_[i].residual += sum % kOne;
  }
  counted_ = 0;
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
  const Sum& plus = sums_[row * kRow + part];
  const Sum& minus = sums_[row * kRow + kParts + part];
  const double low = std::bit_cast<float>(edge);
  const double high = std::bit_cast<float>(edge + (1U << (shift_ - kPartBits)));
  const double ulp = (high - low) / (1 << (shift_ - kPartBits));
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

Distribution PartTable::refine(const Distribution& distribution) {
  drain();
  std::vector<float> thresholds;
  std::vector<Tail> above;
  for (std::size_t row = 1; row <= bins_.size(); ++row) {
    const std::size_t bin = bins_[row - 1];
    const auto edge = std::bit_cast<std::uint32_t>(distribution.lower(bin));
    std::array<Tail, kParts> tails;
    Tail tail = distribution.tail(bin + 1);
    for (std::uint32_t part = kParts; part-- > 0;) {
      tail += part_sums(row, part, edge + (part << (shift_ - kPartBits)));
      tails[part] = tail;
    }
    for (std::uint32_t part = 1; part < kParts; ++part) {
      thresholds.push_back(std::bit_cast<float>(edge + (part << (shift_ - kPartBits))));
      above.push_back(tails[part]);
    }
  }
  Distribution fine = distribution;
  fine.cut(thresholds, above);
  return fine;
}

}  // namespace wquant
