#pragma once

#include <cstddef>

#include "kernels/kernels.h"

namespace wquant {
namespace {

/// Scales that are tried at a time: their sums do not wait for each other.
inline constexpr std::size_t kTogether = 3;

/// The search for the scale of one cell, for any way to sum over its weights. `Sums` has
///   void project_some(w, n, const float* factors, count, Projection* sums): for 1 to kTogether
///   factors;
///   float largest(w, n): the largest |w|;
///   float eighth_powers(w, n, factor): the sum of (w factor)^8.
/// In an unnamed namespace: what one instruction set is compiled for must not serve another.
template <typename Sums>
class ScaleOfCell {
 public:
  ScaleOfCell(const Sums& sums, const ScaleSearch& search) : sums_(sums), search_(search) {}

  /// `scale` is where to begin; 0: at the cell's norm.
  FoundScale find(const LooseFloat* w, std::size_t n, float scale) {
    best_ = {};
    if (scale > 0) {
      constexpr float kItself = 1;
      attempt(w, n, scale, &kItself, 1);
    } else {
      attempt(w, n, norm(w, n) * search_.spread, search_.wide, search_.wides);
    }
    attempt(w, n, best_.scale, search_.narrow, search_.narrows);
    return best_;
  }

 private:
  float norm(const LooseFloat* w, std::size_t n) {
    const float most = sums_.largest(w, n);
    if (!(most >= kLeastScale)) return 0;
    const float mean = sums_.eighth_powers(w, n, 1 / most) / static_cast<float>(n);
    return most * __builtin_sqrtf(__builtin_sqrtf(__builtin_sqrtf(mean)));
  }

  void attempt(const LooseFloat* w, std::size_t n, float scale, const float* factors,
               std::size_t count) {
    for (std::size_t first = 0; first < count; first += kTogether) {
      const std::size_t some = count - first < kTogether ? count - first : kTogether;
      float inverses[kTogether];
      for (std::size_t i = 0; i < some; ++i) {
        const float tried = scale * factors[first + i];
        inverses[i] = 1 / (tried >= kLeastScale ? tried : kLeastScale);
      }
      Projection found[kTogether];
      sums_.project_some(w, n, inverses, some, found);
      for (std::size_t i = 0; i < some; ++i) consider(found[i]);
    }
  }

  /// Without branches: which scale is better is as good as random. Where there is no scale, what it
  /// explains is no number.
  void consider(const Projection& sums) {
    const float scale = sums.products / sums.squares;
    const float explained = sums.products * scale;
    const bool better = explained > best_.explained && scale > 0;
    best_.scale = better ? scale : best_.scale;
    best_.explained = better ? explained : best_.explained;
  }

  const Sums& sums_;
  const ScaleSearch& search_;
  FoundScale best_;
};

template <typename Sums>
void find_scales_by(const Sums& sums, const LooseFloat* w, std::size_t run, std::size_t cells,
                    const ScaleSearch& search, FoundScale* found) {
  ScaleOfCell<Sums> scale_of(sums, search);
  for (std::size_t i = 0; i < cells; ++i) {
    found[i] = scale_of.find(w + i * run, run, found[i].scale);
  }
}

}  // namespace
}  // namespace wquant
