#include "quant/key_table.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <utility>

namespace wquant {
namespace {

double sum_lanes(const double (&lanes)[8]) {
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
         ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

}  // namespace

Moments sum_lanes(const MomentSums& lanes) { return {sum_lanes(lanes.d), sum_lanes(lanes.d2)}; }

// From calloc, because memory that nobody touches stays outside of the process: of the keys, some
// ten octaves are used.
KeyTable::KeyTable()
    : table_(static_cast<std::uint64_t*>(std::calloc(kKeys, sizeof(std::uint64_t)))) {
  if (!table_) throw std::bad_alloc();
}

void KeyTable::Free::operator()(std::uint64_t* table) const { std::free(table); }

Moments KeyTable::add(WeightView weights, double pivot, KeySums& sums) {
  make_room(weights.size, sums);
  MomentSums lanes = {};
  kernels().count_keys(weights.data, weights.size, table_.get(), pivot, &lanes);
  return sum_lanes(lanes);
}

void KeyTable::add_and_find(WeightView step, double pivot, const float* thresholds, int bits,
                            std::uint8_t* codes, MomentSums& lanes, KeySums& sums) {
  make_room(step.size, sums);
  kernels().count_and_find(step.data, step.size, table_.get(), pivot, &lanes, thresholds, bits,
                           codes);
}

void KeyTable::make_room(std::size_t weights, KeySums& sums) {
  if (counted_ + weights > kKeyFlush) drain(sums);
  counted_ += weights;
}

void KeyTable::drain(KeySums& sums) {
  if (counted_ == 0) return;
  // T = count * d + residual with d = 2^40 + the key's smallest bit pattern; residual < d because
  // kKeyFlush weights leave less than 2^24 * 2^14.
  KeySums found;
  for (std::uint32_t key = 0; key < kKeys; ++key) {
    if (table_[key] == 0) continue;
    const std::uint64_t d = (std::uint64_t{1} << 40) + (std::uint64_t{key} << kKeyShift);
    found.push_back({key, table_[key] / d, table_[key] % d});
    table_[key] = 0;
  }
  counted_ = 0;
  merge(sums, found);
}

void merge(KeySums& sums, const KeySums& more) {
  KeySums all;
  all.reserve(sums.size() + more.size());
  auto a = sums.begin();
  for (const KeySum& b : more) {
    while (a != sums.end() && a->key < b.key) all.push_back(*a++);
    all.push_back(b);
    if (a != sums.end() && a->key == b.key) {
      all.back().count += a->count;
      all.back().residual += a->residual;
      ++a;
    }
  }
  all.insert(all.end(), a, sums.end());
  sums = std::move(all);
}

Moments moments_of(WeightView weights, double pivot) {
  MomentSums lanes = {};
  kernels().add_moments(weights.data, weights.size, pivot, &lanes);
  return sum_lanes(lanes);
}

double pivot_of(WeightView head) {
  const std::size_t n = std::min(head.size, kPivotWeights);
  double lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) {
      lanes[lane] += static_cast<double>(head.data[i + lane]);
    }
  }
  for (; i < n; ++i) lanes[i % 8] += static_cast<double>(head.data[i]);
  const double pivot = sum_lanes(lanes) / static_cast<double>(std::max<std::size_t>(n, 1));
  return std::isfinite(pivot) ? pivot : 0;
}

}  // namespace wquant
