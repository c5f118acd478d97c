#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/distribution.h"

namespace wquant {

/// A flag for every pattern of a magnitude's upper bits: its weights are wanted.
class MagnitudeMarks {
 public:
  MagnitudeMarks() = default;
  /// `shift` lower bits of a magnitude's 31 do not matter.
  explicit MagnitudeMarks(int shift) : shift_(shift), flags_(std::size_t{1} << (31 - shift)) {}

  [[nodiscard]] bool empty() const { return flags_.empty(); }
  [[nodiscard]] int shift() const { return shift_; }
  [[nodiscard]] std::size_t keys() const { return flags_.size(); }
  [[nodiscard]] std::size_t key(float weight) const {
    return (std::bit_cast<std::uint32_t>(weight) & (~0U >> 1)) >> shift_;
  }
  [[nodiscard]] std::uint8_t operator[](std::size_t key) const { return flags_[key]; }
  void set(std::size_t key) { flags_[key] = 1; }

  /// Appends the weights of marked keys.
  void gather(WeightView weights, std::vector<float>& out) const;

 private:
  int shift_ = 0;
  std::vector<std::uint8_t> flags_;
};

/// Equal parts that a marked key is cut into: 2^kPartBits.
inline constexpr int kPartBits = 4;

/// Counts the weights of the parts of marked keys. All sums are integers, so no order of adding
/// changes them.
class PartTable {
 public:
  /// Of marked keys that are bins of the distribution; their shift must be at least kPartBits.
  PartTable(const Distribution& distribution, const MagnitudeMarks& marks);

  void add(WeightView weights);
  PartTable& operator+=(PartTable& other);

  /// The distribution with the marked keys cut into their parts.
  Distribution refine(const Distribution& distribution);

 private:
  struct Sum {
    std::uint64_t count = 0, residual = 0;
  };
  void drain();
  [[nodiscard]] Tail part_sums(std::size_t row, std::uint32_t part, std::uint32_t edge) const;

  int shift_;                         // Of a key; kPartBits less of a part.
  std::vector<std::size_t> bins_;     // That are cut.
  std::vector<std::uint32_t> rows_;   // By key: its row of the table, 0 for all unmarked.
  std::vector<std::uint64_t> table_;  // 2^40 and the bits below the part's, for each weight.
  std::vector<Sum> sums_;             // What was drained from the table.
  std::uint64_t counted_ = 0;
};

}  // namespace wquant
