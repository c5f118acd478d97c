#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/spool_file.h"
#include "wquant/quantize.h"

namespace wquant {

/// A bit for each weight that may be removed, set where it is: bit i % 64 of word i / 64 of its
/// tensor. Tied tensors share theirs.
class MaskBits {
 public:
  /// Nothing is removed.
  explicit MaskBits(const Plan& plan);

  /// Of a tensor that is pruned; empty for others. Threads may write different words.
  [[nodiscard]] std::span<std::uint64_t> words(std::size_t tensor);
  [[nodiscard]] std::span<const std::uint64_t> words(std::size_t tensor) const;
  /// The number of the tensor's first weight among all; where tied ones count once.
  [[nodiscard]] std::uint64_t first_weight(std::size_t tensor) const {
    return places_[tensor].first_weight;
  }
  /// How many weights of the tensor are removed.
  [[nodiscard]] std::uint64_t removed(std::size_t tensor) const;

 private:
  struct Place {
    std::uint64_t first_word = 0, words = 0, first_weight = 0;
  };

  static std::vector<Place> places_of(const Plan& plan);

  const std::vector<Place> places_;  // By tensor.
  SpoolFile bits_;
};

}  // namespace wquant
