#include "quant/distribution.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace wquant {
namespace {

constexpr std::size_t kSignKey = kKeys / 2;  // Keys from here on are negative weights.
constexpr std::size_t kFirstNonFinite = std::size_t{255} << kKeyMantissa;

float edge_of_key(std::size_t key) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(key << kKeyShift));
}

/// The smallest float >= b.
float float_ceil(double b) {
  if (b > static_cast<double>(std::numeric_limits<float>::max())) {
    return std::numeric_limits<float>::infinity();
  }
  const auto nearest = static_cast<float>(b);
  return static_cast<double>(nearest) < b
             ? std::nextafter(nearest, std::numeric_limits<float>::infinity())
             : nearest;
}

double sum_lanes(const double (&lanes)[8]) {
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
         ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

}  // namespace

double Distribution::min_nonzero() const {
  for (std::size_t bin = 0; bin < upper_.size(); ++bin) {
    if (tails_[bin].count > tails_[bin + 1].count && upper_[bin] > 0) {
      return std::max<double>(lower_[bin], std::numeric_limits<float>::denorm_min());
    }
  }
  return 0;
}

std::size_t Distribution::place(double b) const {
  if (exact_) return ceil(b);
  const std::size_t low = floor(b);
  const std::size_t high = ceil(b);
  if (high == low || high == lower_.size()) return high;
  return b - static_cast<double>(lower_[low]) < static_cast<double>(lower_[high]) - b ? low : high;
}

std::size_t Distribution::floor(double b) const {
  const std::size_t above = ceil(b);
  if (exact_) return above;
  if (above == 0) return 0;
  if (above < lower_.size() && static_cast<double>(lower_[above]) == b) return above;
  return above - 1;
}

std::size_t Distribution::ceil(double b) const {
  const float t = float_ceil(b);
  if (exact_) {
    return static_cast<std::size_t>(std::lower_bound(lower_.begin(), lower_.end(), t) -
                                    lower_.begin());
  }
  const auto bits = std::bit_cast<std::uint32_t>(t);
  const std::uint32_t key = (bits + (1U << kKeyShift) - 1) >> kKeyShift;
  if (key <= first_key_) return 0;
  return std::min<std::size_t>(key - first_key_, lower_.size());
}

float Distribution::threshold(double b) const {
  if (exact_) return float_ceil(b);
  const std::size_t bin = place(b);
  // Above all weights any edge will do; the boundary itself reads best.
  return bin == lower_.size() ? std::max(float_ceil(b), std::nextafter(upper_.back(), INFINITY))
                              : lower_[bin];
}

void Distribution::finish_tails() {
  // tails_ holds each bin's own sums (the last one is zero); make them sums from the top.
  for (std::size_t bin = lower_.size(); bin-- > 0;) {
    Tail& here = tails_[bin];
    const Tail& above = tails_[bin + 1];
    if (here.count > 0) distinct_ = std::min<std::size_t>(distinct_ + 1, 2);
    here.count += above.count;
    here.negative += above.negative;
    here.sum += above.sum;
    here.negative_sum += above.negative_sum;
    here.square += above.square;
  }
}

DistributionBuilder::DistributionBuilder(std::uint64_t count) : count_(count) {
  if (count_ <= kSortLimit) {
    kept_.reserve(count_);
  } else {
    table_.resize(kKeys);
    counts_.resize(kKeys);
    residuals_.resize(kKeys);
  }
}

void DistributionBuilder::add(std::span<const float> weights) {
  if (weights.empty()) return;
  if (!started_) {
    started_ = true;
    const std::span<const float> head = weights.first(std::min<std::size_t>(weights.size(), 4096));
    for (const float w : head) pivot_ += static_cast<double>(w) / static_cast<double>(head.size());
    if (!std::isfinite(pivot_)) pivot_ = 0;
  }
  MomentSums sums = {};
  kernels().add_moments(weights.data(), weights.size(), pivot_, &sums);
  d_ += sum_lanes(sums.d);
  d2_ += sum_lanes(sums.d2);
  if (table_.empty()) {
    kept_.insert(kept_.end(), weights.begin(), weights.end());
    return;
  }
  while (!weights.empty()) {
    const std::size_t n = std::min<std::uint64_t>(weights.size(), kKeyFlush - in_table_);
    kernels().count_keys(weights.data(), n, table_.data());
    in_table_ += n;
    if (in_table_ == kKeyFlush) flush();
    weights = weights.subspan(n);
  }
}

void DistributionBuilder::flush() {
  // T = count * d + residual with d = 2^40 + the bin's smallest bit pattern; residual < d because
  // kKeyFlush weights leave at most 2^23 * 2^14.
  for (std::size_t key = 0; key < kKeys; ++key) {
    if (table_[key] == 0) continue;
    const std::uint64_t d = (std::uint64_t{1} << 40) + (std::uint64_t{key} << kKeyShift);
    counts_[key] += table_[key] / d;
    residuals_[key] += table_[key] % d;
    table_[key] = 0;
  }
  in_table_ = 0;
}

Distribution DistributionBuilder::finish() {
  Distribution out;
  if (count_ == 0) return out;
  if (table_.empty()) {
    fill_sorted(out);
  } else {
    flush();
    fill_binned(out);
  }
  out.finish_tails();
  const double n = out.count();
  out.mean_ = (out.tails_[0].sum - 2 * out.tails_[0].negative_sum) / n;
  out.variance_ = out.distinct_ == 1 &&
                          (out.tails_[0].negative == 0 || out.tails_[0].negative == n) && out.exact_
                      ? 0
                      : std::max(0.0, d2_ / n - (d_ / n) * (d_ / n));
  return out;
}

void DistributionBuilder::fill_sorted(Distribution& out) {
  for (const float w : kept_) {
    if (!std::isfinite(w)) throw NonFiniteWeights();
  }
  const auto by_magnitude = [](float a, float b) { return std::fabs(a) < std::fabs(b); };
  std::sort(kept_.begin(), kept_.end(), by_magnitude);
  out.tails_.clear();
  for (const float w : kept_) {
    const float size = std::fabs(w);
    if (out.lower_.empty() || out.lower_.back() != size) {
      out.lower_.push_back(size);
      out.tails_.emplace_back();
    }
    Tail& bin = out.tails_.back();
    const double value = size;
    bin.count += 1;
    bin.sum += value;
    bin.square += value * value;
    bin.negative += w < 0 ? 1 : 0;
    bin.negative_sum += w < 0 ? value : 0;
  }
  out.upper_ = out.lower_;
  out.tails_.emplace_back();
}

namespace {

/// Count and sum of |w| of one signed key.
struct KeySums {
  double count, sum;
};

KeySums key_sums(std::uint64_t count, std::uint64_t residual, std::size_t magnitude_key) {
  // Within a bin the bit pattern counts units in the last place of its exponent.
  const std::size_t exponent = magnitude_key >> kKeyMantissa;
  const double ulp = std::ldexp(1.0, std::max(static_cast<int>(exponent), 1) - 150);
  const double lower = edge_of_key(magnitude_key);
  const auto n = static_cast<double>(count);
  return {n, n * lower + static_cast<double>(residual) * ulp};
}

}  // namespace

void DistributionBuilder::fill_binned(Distribution& out) {
  const auto used = [&](std::size_t key) { return counts_[key] + counts_[kSignKey + key] > 0; };
  for (std::size_t key = kFirstNonFinite; key < kSignKey; ++key) {
    if (used(key)) throw NonFiniteWeights();
  }
  std::size_t first = 0;
  std::size_t last = kFirstNonFinite - 1;
  while (first < last && !used(first)) ++first;
  while (last > first && !used(last)) --last;
  out.exact_ = false;
  out.first_key_ = static_cast<std::uint32_t>(first);
  out.tails_.clear();
  for (std::size_t key = first; key <= last; ++key) {
    const KeySums positive = key_sums(counts_[key], residuals_[key], key);
    const KeySums negative = key_sums(counts_[kSignKey + key], residuals_[kSignKey + key], key);
    out.lower_.push_back(edge_of_key(key));
    out.upper_.push_back(edge_of_key(key + 1));
    const double l = out.lower_.back();
    const double u = out.upper_.back();
    const double count = positive.count + negative.count;
    const double sum = positive.sum + negative.sum;
    // (w - l)(u - w) >= 0 bounds the sum of squares.
    out.tails_.push_back({count, negative.count, sum, negative.sum, (l + u) * sum - count * l * u});
  }
  out.tails_.emplace_back();
}

}  // namespace wquant
