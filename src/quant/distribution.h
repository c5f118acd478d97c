#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "quant/key_table.h"
#include "wquant/error.h"

namespace wquant {

/// What is thrown for NaN and infinity.
class NonFiniteWeights : public Error {
 public:
  NonFiniteWeights() : Error("holds NaN or infinity", "repair the model") {}
};

/// The smallest float >= b, for b >= 0.
inline float float_ceil(double b) {
  if (b > double{std::numeric_limits<float>::max()}) return std::numeric_limits<float>::infinity();
  const auto nearest = static_cast<float>(b);
  const std::uint32_t step = double{nearest} < b ? 1 : 0;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(nearest) + step);
}

/// Sums over the weights of magnitude at or above an edge.
struct Tail {
  double count = 0;     ///< Number of weights.
  double negative = 0;  ///< Of these, with w < 0.
  double sum = 0;       ///< Sum of |w|.
  double negative_sum = 0;
  double square = 0;  ///< Sum of w^2, or an upper bound of it (bins that are not one value).

  Tail& operator+=(const Tail& other);
};

/// The distribution of one tensor's weights: magnitudes in ascending bins, and sums above any
/// bin's lower edge in O(1). A small tensor has one bin for each distinct magnitude, so every
/// threshold is exact. A large one has 512 bins an octave; their counts and sums are exact, and a
/// boundary is placed at the nearest edge, or where the bins were cut.
class Distribution {
 public:
  [[nodiscard]] double count() const { return tails_.front().count; }
  [[nodiscard]] double mean() const { return mean_; }
  [[nodiscard]] double variance() const { return variance_; }
  [[nodiscard]] double max_abs() const { return upper_.empty() ? 0 : double{upper_.back()}; }
  /// Weights that count as 0.
  [[nodiscard]] double zeros() const;
  /// That of the other weights, in the same bins.
  [[nodiscard]] Distribution without_zeros() const;
  /// That of weights of the same magnitudes, half of each with either sign.
  [[nodiscard]] Distribution mirrored() const;
  /// True when it is known that all weights have the same magnitude, or there are none.
  [[nodiscard]] bool one_magnitude() const { return distinct_ <= 1 && (exact_ || variance_ == 0); }

  /// Number of bins, and whether each is one magnitude.
  [[nodiscard]] std::size_t bins() const { return lower_.size(); }
  [[nodiscard]] bool exact() const { return exact_; }
  /// Whether every threshold is the edge of a histogram key.
  [[nodiscard]] bool on_edges() const { return !exact_ && cuts_.empty(); }

  /// Index of the bin at whose lower edge a boundary at magnitude `b` is placed.
  [[nodiscard]] std::size_t place(double b) const {
    return exact_ ? exact_ceil(float_ceil(b)) : ceil(threshold(b));
  }
  /// Near place(b), and found sooner: what lies between is less than a cell of the guide.
  [[nodiscard]] std::size_t place_near(double b) const {
    return exact_ ? guided_bin(static_cast<float>(b)) : place(b);
  }
  /// Bins that a boundary at `b` lies between: `floor` at or below, `ceil` at or above.
  [[nodiscard]] std::size_t floor(double b) const;
  [[nodiscard]] std::size_t ceil(double b) const;
  /// The float t with |w| >= t exactly for the weights above a boundary placed for `b`.
  [[nodiscard]] float threshold(double b) const;

  /// The threshold between the signs: weights of the first key count as zero, so that no key lies
  /// on both sides of it.
  [[nodiscard]] float zero_threshold() const;

  /// Cuts bins at thresholds between their edges: a boundary whose smallest float at or above it is
  /// a threshold, is placed there. Thresholds ascend; `above` are the sums over the weights at or
  /// above each. Not for exact() ones.
  void cut(std::span<const float> thresholds, std::span<const Tail> above);

  [[nodiscard]] const Tail& tail(std::size_t bin) const { return tails_[bin]; }
  [[nodiscard]] float lower(std::size_t bin) const { return lower_[bin]; }
  [[nodiscard]] float upper(std::size_t bin) const { return upper_[bin]; }

 private:
  friend Distribution sorted_distribution(std::span<const float> weights);
  friend Distribution binned_distribution(const KeySums& sums, const Moments& moments);
  /// Makes sums above an edge of the bins' own sums.
  void sum_tails();
  void finish(const Moments& moments);

  void make_cut_guide(std::size_t keys);
  [[nodiscard]] std::size_t cuts_below(float t, std::size_t key) const;
  [[nodiscard]] std::size_t exact_ceil(float t) const;
  [[nodiscard]] std::size_t guide_cell(float magnitude) const;
  [[nodiscard]] std::size_t guided_bin(float t) const;
  void make_guide();

  bool exact_ = true;                       // One magnitude a bin.
  std::uint32_t first_key_ = 0;             // Of bin 0 when not exact_.
  std::vector<float> cuts_;                 // Lower edges of bins that are not edges of keys.
  std::vector<std::uint32_t> cuts_of_key_;  // By key from first_key_ on: cuts below its edge.
  std::vector<std::uint32_t> guide_;        // First bin of each range of bit patterns when exact_.
  std::uint32_t guide_first_ = 0;           // Bit pattern at which range 1 begins.
  int guide_shift_ = 0;
  std::size_t guide_step_ = 0;  // Power of two; no range but the first has twice as many bins.
  std::vector<float> lower_, upper_;  // Smallest and largest magnitude that a bin can hold.
  std::vector<Tail> tails_{Tail{}};   // One more than bins; the last is zero.
  std::size_t distinct_ = 0;          // Bins with weights, at most 2 counted.
  double mean_ = 0, variance_ = 0;
};

/// Tensors of at most this many weights are sorted instead of binned.
inline constexpr std::uint64_t kSortLimit = std::uint64_t{1} << 15;

inline std::size_t Distribution::guide_cell(float magnitude) const {
  const auto bits = std::bit_cast<std::uint32_t>(magnitude);
  return bits < guide_first_ ? 0 : 1 + ((bits - guide_first_) >> guide_shift_);
}

inline std::size_t Distribution::guided_bin(float t) const {
  if (lower_.empty() || t <= lower_.front()) return 0;
  return t > lower_.back() ? lower_.size() : guide_[guide_cell(t)];
}

/// Without branches but for small magnitudes: where a boundary falls is as good as random.
inline std::size_t Distribution::exact_ceil(float t) const {
  if (lower_.empty() || t <= lower_.front()) return 0;
  if (t > lower_.back()) return lower_.size();
  const std::size_t cell = guide_cell(t);
  std::size_t bin = guide_[cell];
  std::size_t step = cell == 0 ? std::bit_floor(std::size_t{guide_[1]}) : guide_step_;
  const std::size_t last = lower_.size() - 1;
  for (; step > 0; step /= 2) {
    const std::size_t below = lower_[std::min(bin + step - 1, last)] < t ? ~std::size_t{0} : 0;
    bin += below & step;
  }
  return bin;
}

inline std::size_t Distribution::ceil(double b) const {
  const float t = float_ceil(b);
  if (exact_) return exact_ceil(t);
  // The smallest key whose weights are all >= t.
  const std::uint32_t key = (std::bit_cast<std::uint32_t>(t) + (1U << kKeyShift) - 1) >> kKeyShift;
  const std::size_t keys = lower_.size() - cuts_.size();
  const std::size_t below = key <= first_key_ ? 0 : std::min<std::size_t>(key - first_key_, keys);
  return cuts_.empty() ? below : below + cuts_below(t, below);
}

inline std::size_t Distribution::floor(double b) const {
  const std::size_t above = ceil(b);
  if (exact_ || above == 0) return above;
  return above < lower_.size() && double{lower_[above]} == b ? above : above - 1;
}

/// The distribution of the weights, one bin a magnitude. Throws NonFiniteWeights when one
/// is NaN or infinite.
Distribution sorted_distribution(std::span<const float> weights);

/// The distribution of weights that were counted by key; moments are those of all of them about
/// the pivot. Throws NonFiniteWeights when one is NaN or infinite.
Distribution binned_distribution(const KeySums& sums, const Moments& moments);

/// The distribution of a whole tensor in memory, counted in `table`.
Distribution distribution_of(std::span<const float> weights, KeyTable& table);

}  // namespace wquant
