#include "quant/encoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace wquant {
namespace {

/// Weights a step: codes stay in the first-level cache. A multiple of 8, so that packed steps meet
/// at byte borders.
constexpr std::size_t kStep = 4096;
/// Weights from which on the table of keys pays.
constexpr double kTableLimit = 1 << 15;

constexpr std::size_t kSignKey = kKeys / 2;
constexpr std::uint32_t kWithinKey = (1U << kKeyShift) - 1;

/// Number of keys of a sign whose magnitudes are all below the bit pattern.
std::size_t keys_below(std::uint32_t magnitude_bits) { return magnitude_bits >> kKeyShift; }

}  // namespace

Encoder::Encoder(const Codebook& codebook, const Distribution& weights)
    : codebook_(codebook), thresholds_(codebook.thresholds), edges_only_(weights.on_edges()) {
  thresholds_.push_back(std::numeric_limits<float>::infinity());
  if (codebook.bits > kRegisterBits && weights.count() >= kTableLimit) fill_key_codes();
}

void Encoder::fill_key_codes() {
  key_codes_.assign(kKeys, 0);
  std::vector<std::uint8_t> in_key(kKeys, 0);
  for (std::size_t k = 0; k < codebook_.thresholds.size(); ++k) {
    const float t = codebook_.thresholds[k];
    if (t == std::numeric_limits<float>::infinity()) break;  // Levels above are never used.
    const auto bits = std::bit_cast<std::uint32_t>(std::fabs(t));
    const auto code = static_cast<std::uint8_t>(k + 1);
    // All weights of these keys reach the threshold.
    const auto positive =
        key_codes_.begin() + static_cast<std::ptrdiff_t>(t > 0 ? keys_below(bits + kWithinKey) : 0);
    std::fill(positive, key_codes_.begin() + kSignKey, code);
    const auto negative = key_codes_.begin() + kSignKey;
    if (t < 0)
      std::fill(negative, negative + static_cast<std::ptrdiff_t>(keys_below(bits + 1)), code);
    const std::size_t key = t > 0 ? keys_below(bits) : kSignKey + keys_below(bits);
    // More than one threshold within a key: the table cannot tell.
    if (++in_key[key] > 1) return key_codes_.clear();
  }
}

void Encoder::find_codes(WeightView weights, std::uint8_t* codes) const {
  if (key_codes_.empty()) {
    kernels().find_codes(weights.data, weights.size, thresholds_.data(), codebook_.bits, codes);
  } else if (edges_only_) {
    kernels().look_up_edge_codes(weights.data, weights.size, key_codes_.data(), codes);
  } else {
    kernels().look_up_codes(weights.data, weights.size, key_codes_.data(), thresholds_.data(),
                            codes);
  }
}

template <typename F>
void Encoder::encode_steps(WeightView weights, int bits, std::uint8_t* packed, F&& find) const {
  std::array<std::uint8_t, kStep> codes;
  for (std::size_t first = 0; first < weights.size; first += kStep) {
    const WeightView step = weights.part(first, std::min(kStep, weights.size - first));
    find(step, codes.data());
    kernels().pack(codes.data(), step.size, bits, packed);
    packed += packed_size(step.size, bits);
  }
}

void Encoder::encode(WeightView weights, int bits, std::uint8_t* packed) const {
  encode_steps(weights, bits, packed,
               [&](WeightView step, std::uint8_t* codes) { find_codes(step, codes); });
}

Moments Encoder::encode_and_count(WeightView block, double pivot, KeyTable& table, KeySums& sums,
                                  std::uint8_t* packed) const {
  MomentSums lanes = {};
  encode_steps(block, codebook_.bits, packed, [&](WeightView step, std::uint8_t* codes) {
    table.add_and_find(step, pivot, thresholds_.data(), codebook_.bits, codes, lanes, sums);
  });
  return sum_lanes(lanes);
}

Moments Encoder::find_and_count(WeightView block, double pivot, KeyTable& table, KeySums& sums,
                                std::uint8_t* codes) const {
  MomentSums lanes = {};
  table.add_and_find(block, pivot, thresholds_.data(), codebook_.bits, codes, lanes, sums);
  return sum_lanes(lanes);
}

}  // namespace wquant
