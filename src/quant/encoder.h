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

  /// Packs the codes of `weights`.
  void encode(WeightView weights, std::uint8_t* packed) const;

 private:
  void find_codes(WeightView weights, std::uint8_t* codes) const;
  void fill_key_codes();

  const Codebook& codebook_;
  std::vector<float> thresholds_;        // Those of the codebook, then infinity.
  std::vector<std::uint8_t> key_codes_;  // Code of the smallest weight of a key; empty: unused.
  bool edges_only_ = false;              // No key holds weights on both sides of a threshold.
};

}  // namespace wquant
