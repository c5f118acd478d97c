#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/distribution.h"
#include "quant/key_filter.h"
#include "quant/magnitude_marks.h"

namespace wquant {

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
  void add_passed(WeightView weights);
  void drain();
  [[nodiscard]] Tail part_sums(std::size_t row, std::uint32_t part, std::uint32_t edge) const;

  int shift_;                         // Of a key; kPartBits less of a part.
  KeyFilter filter_;                  // Of marked keys.
  std::vector<std::size_t> bins_;     // That are cut.
  std::vector<std::uint32_t> rows_;   // By key: its row of the table, 0 for all unmarked.
  std::vector<std::uint64_t> table_;  // 2^40 and the bits below the part's, for each weight.
  std::vector<Sum> sums_;             // What was drained from the table.
  std::uint64_t counted_ = 0;
};

}  // namespace wquant
