#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "quant/distribution.h"
#include "wquant/codebook.h"

namespace wquant {

/// Turns weights into packed codes, with tables made once for a codebook. Its functions may run in
/// several threads at once.
class Encoder {
 public:
  /// For many weights a table of the code of every histogram key pays.
  Encoder(const Codebook& codebook, const Distribution& weights);

  /// The codes of `weights`, a byte each.
  void find_codes(WeightView weights, std::uint8_t* codes) const;
  /// Packs the codes of `weights`, each in so many bits.
  void encode(WeightView weights, int bits, std::uint8_t* packed) const;
  /// Packs the codes of one block and counts its weights. Only for thresholds that fit registers,
  /// up to kRegisterBits bits.
  Moments encode_and_count(WeightView block, double pivot, KeyTable& table, KeySums& sums,
                           std::uint8_t* packed) const;
  /// The same with a byte for each code.
  Moments find_and_count(WeightView block, double pivot, KeyTable& table, KeySums& sums,
                         std::uint8_t* codes) const;

  /// Up to this many bits a search in registers is fastest.
  static constexpr int kRegisterBits = 4;

 private:
  template <typename F>
  void encode_steps(WeightView weights, int bits, std::uint8_t* packed, F&& find) const;
  void fill_key_codes();

  const Codebook& codebook_;
  std::vector<float> thresholds_;        // Those of the codebook, then infinity.
  std::vector<std::uint8_t> key_codes_;  // Code of the smallest weight of a key; empty: unused.
  bool edges_only_ = false;              // No key holds weights on both sides of a threshold.
};

}  // namespace wquant
