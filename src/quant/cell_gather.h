#pragma once

#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "quant/float_slabs.h"
#include "wquant/cells.h"

namespace wquant {

/// Weights of some cells of a tensor, cell after cell.
class CellRows {
 public:
  [[nodiscard]] std::size_t cells() const { return begin_.size() - 1; }
  [[nodiscard]] WeightView cell(std::size_t i) const {
    return {weights_.data() + begin_[i], begin_[i + 1] - begin_[i]};
  }
  [[nodiscard]] std::size_t weights() const { return weights_.size(); }
  void clear();

  /// Adds cells [first, first + count) of tensor `index`. A cell of many more than `most` weights
  /// is represented by about so many, spread evenly.
  void add(const ModelReader& model, std::size_t index, const CellPlan& plan, std::uint64_t first,
           std::uint64_t count, std::uint64_t most);

 private:
  struct Selection;
  void add_even(const ModelReader& model, std::size_t index, std::uint64_t distance,
                std::uint64_t first, std::uint64_t count, const Selection& selection);
  void place(WeightView found, std::size_t to, std::uint64_t length, std::size_t apart);

  std::vector<float> weights_;
  std::vector<std::size_t> begin_{0};
  std::vector<float> scratch_;
};

}  // namespace wquant
