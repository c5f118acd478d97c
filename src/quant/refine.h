#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/distribution.h"
#include "quant/key_filter.h"
#include "quant/magnitude_marks.h"

namespace wquant {

/// Counts the weights of the parts that marked keys are cut into, 2^part_bits of each. All sums are
/// integers, so no order of adding changes them.
class PartTable {
 public:
  /// Of marked keys that are bins of the distribution. Their shift exceeds `part_bits`, which are
  /// at most kMostPartBits, by at most ten.
  PartTable(const Distribution& distribution, const MagnitudeMarks& marks, int part_bits);
  static constexpr int kMostPartBits = 5;

  void add(WeightView weights);
  PartTable& operator+=(PartTable& other);

  /// The distribution with the marked keys cut into their parts.
  Distribution refine(Distribution distribution);

 private:
  struct Sum {
    std::uint64_t count = 0, residual = 0;
  };
  void add_passed(WeightView weights);
  void drain(std::size_t entry);
  void drain();
  /// Entries of a row of the table: parts of weights above zero, then below.
  [[nodiscard]] std::size_t row_size() const { return std::size_t{2} * parts_; }
  [[nodiscard]] Tail part_sums(std::size_t row, std::uint32_t part, std::uint32_t edge) const;

  int shift_;                         // Lower bits of a magnitude that do not tell its key;
  int part_shift_;                    // its part.
  std::uint32_t parts_;               // Of a key.
  KeyFilter filter_;                  // Of marked keys.
  std::vector<std::size_t> bins_;     // That are cut.
  std::uint32_t first_key_ = 0;       // That is marked.
  std::vector<std::uint32_t> rows_;   // By key from there on: where its row begins; 0: unmarked.
  std::vector<std::uint32_t> table_;  // 2^21 and the bits below the part's, for each weight.
  std::vector<Sum> sums_;             // What was drained from the table.
};

}  // namespace wquant
