#include "quant/distribution.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "quant/magnitude_sort.h"

namespace wquant {
namespace {

constexpr std::size_t kSignKey = kKeys / 2;  // Keys from here on are negative weights.
constexpr std::size_t kFirstNonFinite = std::size_t{255} << kKeyMantissa;
/// The smallest one of so many bins share the first cell of the guide.
constexpr std::size_t kGuideSmall = 64;

float edge_of_key(std::size_t key) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(key << kKeyShift));
}

/// The edge of a key that is nearest to b >= 0: within an octave patterns grow evenly. The same
/// for all distributions.
float nearest_edge(double b) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(b));
  return edge_of_key((bits + (1U << (kKeyShift - 1))) >> kKeyShift);
}

}  // namespace

Tail& Tail::operator+=(const Tail& other) {
  count += other.count;
  negative += other.negative;
  sum += other.sum;
  negative_sum += other.negative_sum;
  square += other.square;
  return *this;
}

double Distribution::zeros() const {
  return lower_.empty() || lower_[0] > 0 ? 0 : tails_[0].count - tails_[1].count;
}

Distribution Distribution::without_zeros() const {
  Distribution others = *this;
  const double share = (count() - zeros()) / count();
  if (zeros() == 0 || share == 0) return others;
  others.tails_[0] = others.tails_[1];
  others.mean_ = mean_ / share;
  const double power = (variance_ + mean_ * mean_) / share;
  others.variance_ = std::max(0.0, power - others.mean_ * others.mean_);
  others.distinct_ = 0;
  for (std::size_t bin = 1; bin < bins(); ++bin) {
    const bool used = tails_[bin].count > tails_[bin + 1].count;
    if (used) others.distinct_ = std::min<std::size_t>(others.distinct_ + 1, 2);
  }
  return others;
}

Distribution Distribution::mirrored() const {
  Distribution both = *this;
  for (Tail& tail : both.tails_) {
    tail.negative = tail.count / 2;
    tail.negative_sum = tail.sum / 2;
  }
  both.variance_ = variance_ + mean_ * mean_;
  both.mean_ = 0;
  return both;
}

/// Of a threshold in the key before number `key` or at that one's edge. Cuts mostly lie evenly in
/// their key, so that the place of one is known but for a step.
std::size_t Distribution::cuts_below(float t, std::size_t key) const {
  const std::size_t begin = key == 0 ? 0 : cuts_of_key_[key - 1];
  const std::size_t end = cuts_of_key_[key];
  const auto bits = std::bit_cast<std::uint32_t>(t);
  const std::uint32_t within = bits % (1U << kKeyShift);
  const std::size_t n = end - begin;
  std::size_t at = begin + (within == 0 ? n : (n + 1) * (within - 1) >> kKeyShift);
  if ((at == begin || cuts_[at - 1] < t) && (at == end || cuts_[at] >= t)) return at;
  const auto first = cuts_.begin() + static_cast<std::ptrdiff_t>(begin);
  return static_cast<std::size_t>(
      std::lower_bound(first, cuts_.begin() + static_cast<std::ptrdiff_t>(end), t) - cuts_.begin());
}

void Distribution::make_cut_guide(std::size_t keys) {
  cuts_of_key_.resize(keys + 1);
  std::size_t cut = 0;
  for (std::size_t key = 0; key <= keys; ++key) {
    const float edge = edge_of_key(first_key_ + key);
    while (cut < cuts_.size() && cuts_[cut] < edge) ++cut;
    cuts_of_key_[key] = static_cast<std::uint32_t>(cut);
  }
}

/// Ranges of equal size in bit patterns from a small magnitude on, the first one for what is
/// smaller: magnitudes close to zero spread over many octaves.
void Distribution::make_guide() {
  const std::size_t bins = lower_.size();
  guide_first_ = std::bit_cast<std::uint32_t>(lower_[bins / kGuideSmall]);
  const std::uint32_t range = std::bit_cast<std::uint32_t>(lower_.back()) - guide_first_;
  while (range >> guide_shift_ >= bins) ++guide_shift_;
  guide_.assign(guide_cell(lower_.back()) + 2, static_cast<std::uint32_t>(bins));
  for (std::size_t bin = bins; bin-- > 0;) {
    guide_[guide_cell(lower_[bin])] = static_cast<std::uint32_t>(bin);
  }
  std::uint32_t most = 0;
  for (std::size_t cell = guide_.size() - 1; cell-- > 0;) {  // An empty cell ends where it begins.
    guide_[cell] = std::min(guide_[cell], guide_[cell + 1]);
    if (cell > 0) most = std::max(most, guide_[cell + 1] - guide_[cell]);
  }
  guide_step_ = std::bit_floor(most);
}

float Distribution::zero_threshold() const {
  return exact_ ? 0 : -std::bit_cast<float>((1U << kKeyShift) - 1);
}

float Distribution::threshold(double b) const {
  if (exact_) return float_ceil(b);
  if (!cuts_.empty() && std::binary_search(cuts_.begin(), cuts_.end(), float_ceil(b))) {
    return float_ceil(b);
  }
  return nearest_edge(b);
}

void Distribution::cut(std::span<const float> thresholds, std::span<const Tail> above) {
  std::vector<float> lower, upper;
  std::vector<Tail> tails;
  lower.reserve(bins() + thresholds.size());
  upper.reserve(lower.capacity());
  tails.reserve(lower.capacity() + 1);
  std::size_t done = 0;
  const auto copy_up_to = [&](std::size_t end) {
    for (; done < end; ++done) {
      lower.push_back(lower_[done]);
      upper.push_back(upper_[done]);
      tails.push_back(tails_[done]);
    }
  };
  std::vector<float> cuts;
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    const float t = thresholds[i];
    const std::size_t next = ceil(t);
    const bool is_edge = next < lower_.size() && lower_[next] == t;
    if (next == 0 || is_edge || t >= upper_[next - 1] || (!cuts.empty() && cuts.back() == t)) {
      continue;
    }
    copy_up_to(next);
    lower.push_back(t);
    upper.push_back(std::exchange(upper.back(), t));
    tails.push_back(above[i]);
    cuts.push_back(t);
  }
  copy_up_to(lower_.size());
  tails.push_back(tails_.back());
  lower_ = std::move(lower);
  upper_ = std::move(upper);
  tails_ = std::move(tails);
  const auto old = cuts_.size();
  cuts_.insert(cuts_.end(), cuts.begin(), cuts.end());
  std::inplace_merge(cuts_.begin(), cuts_.begin() + static_cast<std::ptrdiff_t>(old), cuts_.end());
  make_cut_guide(lower_.size() - cuts_.size());
}

void Distribution::sum_tails() {
  // tails_ holds each bin's own sums (the last one is zero); make them sums from the top.
  for (std::size_t bin = lower_.size(); bin-- > 0;) {
    Tail& here = tails_[bin];
    if (here.count > 0) distinct_ = std::min<std::size_t>(distinct_ + 1, 2);
    here += tails_[bin + 1];
  }
}

void Distribution::finish(const Moments& moments) {
  const Tail& all = tails_[0];
  const double n = all.count;
  mean_ = (all.sum - 2 * all.negative_sum) / n;
  // One value: then rounding must not leave a variance.
  const bool constant = exact_ && distinct_ == 1 && (all.negative == 0 || all.negative == n);
  variance_ = constant ? 0 : std::max(0.0, moments.d2 / n - (moments.d / n) * (moments.d / n));
}

namespace {

/// How many magnitudes differ, ascending ones with the sign as the lowest bit.
std::size_t count_distinct(std::span<const std::uint32_t> keys) {
  std::size_t distinct = 1;
  for (std::size_t i = 1; i < keys.size(); ++i) distinct += keys[i] >> 1 != keys[i - 1] >> 1;
  return distinct;
}

}  // namespace

Distribution sorted_distribution(std::span<const float> weights) {
  Distribution out;
  if (weights.empty()) return out;
  const std::vector<std::uint32_t> keys = sort_by_magnitude(weights);
  if (!std::isfinite(std::bit_cast<float>(keys.back() >> 1))) throw NonFiniteWeights();
  std::size_t bin = count_distinct(keys);
  out.distinct_ = std::min<std::size_t>(bin, 2);
  out.lower_.resize(bin);
  out.tails_.resize(bin + 1);
  Tail above;
  for (std::size_t i = keys.size(); i-- > 0;) {
    const auto size = std::bit_cast<float>(keys[i] >> 1);
    const double value = size;
    const double negative = value > 0 ? keys[i] & 1 : 0;
    above += {1, negative, value, negative * value, value * value};
    if (i > 0 && keys[i] >> 1 == keys[i - 1] >> 1) continue;
    out.lower_[--bin] = size;
    out.tails_[bin] = above;
  }
  out.upper_ = out.lower_;
  out.make_guide();
  const WeightView view = {weights.data(), weights.size()};
  out.finish(moments_of(view, pivot_of(view)));
  return out;
}

namespace {

/// Count and sum of |w| of one signed key.
struct Bin {
  double count, sum;
};

Bin bin_of(const KeySum& sums, std::size_t magnitude_key) {
  // Within a bin the bit pattern counts units in the last place of its exponent.
  const std::size_t exponent = magnitude_key >> kKeyMantissa;
  const double ulp = std::ldexp(1.0, std::max(static_cast<int>(exponent), 1) - 150);
  const double lower = edge_of_key(magnitude_key);
  const auto n = static_cast<double>(sums.count);
  return {n, n * lower + static_cast<double>(sums.residual) * ulp};
}

void check_finite(const KeySums& sums) {
  const auto infinite = [](const KeySum& sum) { return sum.key % kSignKey >= kFirstNonFinite; };
  if (std::any_of(sums.begin(), sums.end(), infinite)) throw NonFiniteWeights();
}

/// Smallest and largest magnitude key.
std::pair<std::size_t, std::size_t> key_range(const KeySums& sums) {
  std::size_t first = kSignKey;
  std::size_t last = 0;
  for (const KeySum& sum : sums) {
    first = std::min(first, sum.key % kSignKey);
    last = std::max(last, sum.key % kSignKey);
  }
  return {first, last};
}

}  // namespace

Distribution binned_distribution(const KeySums& sums, const Moments& moments) {
  Distribution out;
  if (sums.empty()) return out;
  check_finite(sums);
  const auto [first, last] = key_range(sums);
  out.exact_ = false;
  out.first_key_ = static_cast<std::uint32_t>(first);
  out.tails_.assign(last - first + 2, {});
  out.lower_.reserve(last - first + 1);
  out.upper_.reserve(last - first + 1);
  for (std::size_t key = first; key <= last; ++key) {
    out.lower_.push_back(edge_of_key(key));
    out.upper_.push_back(edge_of_key(key + 1));
  }
  for (const KeySum& sum : sums) {
    const std::size_t key = sum.key % kSignKey;
    const auto [count, total] = bin_of(sum, key);
    Tail& bin = out.tails_[key - first];
    bin.count += count;
    bin.sum += total;
    if (sum.key < kSignKey || key == 0) continue;
    bin.negative = count;
    bin.negative_sum = total;
  }
  for (std::size_t bin = 0; bin < out.bins(); ++bin) {
    const double l = out.lower_[bin];
    const double u = out.upper_[bin];
    // (w - l)(u - w) >= 0 bounds the sum of squares.
    out.tails_[bin].square = (l + u) * out.tails_[bin].sum - out.tails_[bin].count * l * u;
  }
  out.sum_tails();
  out.finish(moments);
  return out;
}

Distribution distribution_of(std::span<const float> weights, KeyTable& table) {
  if (weights.size() <= kSortLimit) return sorted_distribution(weights);
  const WeightView all = {weights.data(), weights.size()};
  const double pivot = pivot_of(all);
  KeySums sums;
  Moments moments;
  Moments slab;
  for (std::size_t first = 0; first < all.size; first += kBlock) {
    if (first % kSlab == 0) moments += std::exchange(slab, {});
    const WeightView block = all.part(first, std::min<std::size_t>(kBlock, all.size - first));
    slab += table.add(block, pivot, sums);
  }
  moments += slab;
  table.drain(sums);
  return binned_distribution(sums, moments);
}

}  // namespace wquant
