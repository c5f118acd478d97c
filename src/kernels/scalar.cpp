#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/kernels.h"
#include "kernels/scale_search.h"

namespace wquant {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::uint32_t bits_of(float w) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &w, sizeof bits);
  return bits;
}

void add_moments(const LooseFloat* w, std::size_t n, double pivot, MomentSums* sums) {
  const auto add = [&](std::size_t i, std::size_t lane) {
    const double d = static_cast<double>(w[i]) - pivot;
    sums->d[lane] += d;
    sums->d2[lane] += d * d;
  };
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) add(i + lane, lane);
  }
  for (; i < n; ++i) add(i, i % 8);
}

void count_keys(const LooseFloat* w, std::size_t n, std::uint64_t* table, double pivot,
                MomentSums* sums) {
  add_moments(w, n, pivot, sums);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = bits_of(w[i]);
    table[bits >> kKeyShift] += (std::uint64_t{1} << 40) + bits;
  }
}

void find_codes(const LooseFloat* w, std::size_t n, const float* thresholds, int bits,
                std::uint8_t* codes) {
  for (std::size_t i = 0; i < n; ++i) {
    unsigned code = 0;
    // Bit by bit from the top: thresholds[code + half - 1] splits what is left.
    for (unsigned half = 1U << (bits - 1); half != 0; half >>= 1) {
      code += thresholds[code + half - 1] <= w[i] ? half : 0;
    }
    codes[i] = static_cast<std::uint8_t>(code);
  }
}

void count_and_find(const LooseFloat* w, std::size_t n, std::uint64_t* table, double pivot,
                    MomentSums* sums, const float* thresholds, int bits, std::uint8_t* codes) {
  count_keys(w, n, table, pivot, sums);
  find_codes(w, n, thresholds, bits, codes);
}

void look_up_codes(const LooseFloat* w, std::size_t n, const std::uint8_t* key_codes,
                   const float* thresholds, std::uint8_t* codes) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint8_t code = key_codes[bits_of(w[i]) >> kKeyShift];
    codes[i] = static_cast<std::uint8_t>(code + (thresholds[code] <= w[i] ? 1 : 0));
  }
}

void look_up_edge_codes(const LooseFloat* w, std::size_t n, const std::uint8_t* key_codes,
                        std::uint8_t* codes) {
  std::size_t i = 0;
  for (; i + 2 <= n; i += 2) {
    std::uint64_t pair = 0;
    std::memcpy(&pair, w + i, sizeof pair);
    codes[i] = key_codes[static_cast<std::uint32_t>(pair) >> kKeyShift];
    codes[i + 1] = key_codes[pair >> (32 + kKeyShift)];
  }
  if (i < n) codes[i] = key_codes[bits_of(w[i]) >> kKeyShift];
}

void pack(const std::uint8_t* codes, std::size_t n, int bits, std::uint8_t* out) {
  std::uint32_t held = 0;
  int count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    held |= static_cast<std::uint32_t>(codes[i]) << count;
    for (count += bits; count >= 8; count -= 8, held >>= 8) {
      *out++ = static_cast<std::uint8_t>(held);
    }
  }
  if (count > 0) *out = static_cast<std::uint8_t>(held);
}

void unpack(const std::uint8_t* in, std::size_t size, std::size_t n, int bits,
            std::uint8_t* codes) {
  const std::uint8_t* end = in + size;
  const std::uint32_t mask = (1U << bits) - 1;
  std::uint32_t held = 0;
  int count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (count < bits && in != end) {
      held |= static_cast<std::uint32_t>(*in++) << count;
      count += 8;
    }
    codes[i] = static_cast<std::uint8_t>(held & mask);
    held >>= bits;
    count -= bits;
  }
}

void expand(const std::uint8_t* codes, std::size_t n, const float* levels, int /*bits*/,
            float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = levels[codes[i]];
}

void add_errors(const LooseFloat* w, const float* q, std::size_t n, float pivot,
                ErrorLanes* lanes) {
  const auto larger = [](float magnitude, float most) {
    return magnitude > most ? magnitude : most;
  };
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t lane = i % 8;
    const float d = w[i] - pivot;
    const float e = w[i] - q[i];
    lanes->d[lane] += d;
    lanes->d2[lane] += d * d;
    lanes->e[lane] += e;
    lanes->e2[lane] += e * e;
    lanes->de[lane] += d * e;
    lanes->max_e[lane] = larger(__builtin_fabsf(e), lanes->max_e[lane]);
    lanes->max_q[lane] = larger(__builtin_fabsf(q[i]), lanes->max_q[lane]);
  }
}

/// Lanes 4 apart, then 2, then 1.
float sum_of(float* lanes) {
  for (std::size_t half = 4; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

struct ProjectionLanes {
  float products[8] = {};
  float squares[8] = {};

  void add(std::size_t lane, float w, float level) {
    products[lane] += w * level;
    squares[lane] += level * level;
  }

  [[nodiscard]] Projection sums() { return {sum_of(products), sum_of(squares)}; }
};

Projection project(const LooseFloat* w, std::size_t n, float factor, const float* thresholds,
                   const float* levels, int bits) {
  ProjectionLanes lanes;
  for (std::size_t i = 0; i < n; ++i) {
    const LooseFloat unit = w[i] * factor;
    std::uint8_t code = 0;
    find_codes(&unit, 1, thresholds, bits, &code);
    lanes.add(i % 8, w[i], levels[code]);
  }
  return lanes.sums();
}

Projection project_by_key(const LooseFloat* w, std::size_t n, float factor,
                          const float* key_levels) {
  ProjectionLanes lanes;
  for (std::size_t i = 0; i < n; ++i) {
    lanes.add(i % 8, w[i], key_levels[bits_of(w[i] * factor) >> kKeyShift]);
  }
  return lanes.sums();
}

struct CellSums {
  const ScaleSearch& search;

  void project_some(const LooseFloat* w, std::size_t n, const float* factors, std::size_t count,
                    Projection* sums) const {
    for (std::size_t i = 0; i < count; ++i) {
      sums[i] = search.key_levels != nullptr
                    ? project_by_key(w, n, factors[i], search.key_levels)
                    : project(w, n, factors[i], search.thresholds, search.levels, search.bits);
    }
  }

  [[nodiscard]] static float largest(const LooseFloat* w, std::size_t n) {
    float most = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const float magnitude = __builtin_fabsf(w[i]);
      most = magnitude > most ? magnitude : most;
    }
    return most;
  }

  [[nodiscard]] static float eighth_powers(const LooseFloat* w, std::size_t n, float factor) {
    float lanes[8] = {};
    for (std::size_t i = 0; i < n; ++i) {
      const float share = w[i] * factor;
      const float squared = share * share;
      const float fourth = squared * squared;
      lanes[i % 8] += fourth * fourth;
    }
    return sum_of(lanes);
  }
};

void find_scales(const LooseFloat* w, std::size_t run, std::size_t cells, const ScaleSearch& search,
                 FoundScale* found) {
  find_scales_by(CellSums{search}, w, run, cells, search, found);
}

void find_moves(const LooseFloat* w, const std::uint8_t* codes, std::size_t n, const float* levels,
                int bits, const Moves& moves) {
  const int last = (1 << bits) - 1;
  for (std::size_t i = 0; i < n; ++i) {
    const double level = levels[codes[i]];
    const double error = level - static_cast<double>(w[i]);
    const int next = std::clamp(codes[i] + (error > 0 ? -1 : 1), 0, last);
    const double step = error == 0 ? 0 : static_cast<double>(levels[next]) - level;
    moves.errors[i] = error;
    moves.steps[i] = step;
    moves.costs[i] = step == 0 ? kInfinity : std::fabs(step) - 2 * std::fabs(error);
  }
}

std::size_t select_moves(const double* costs, const double* steps, std::size_t n,
                         const MoveQuery& query, std::uint32_t* found) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!(costs[i] <= query.at_most)) continue;  // Most of them.
    const double step = query.sign * steps[i];
    if (costs[i] > query.above && step > 0 && step < query.most) {
      found[count++] = static_cast<std::uint32_t>(i);
    }
  }
  return count;
}

std::size_t find_cheapest(const double* costs, const double* steps, std::size_t n, double sign,
                          double most) {
  std::size_t best = n;
  double least = kInfinity;
  for (std::size_t i = 0; i < n; ++i) {
    const double step = sign * steps[i];
    if (!(step > 0 && step < most && costs[i] < least)) continue;
    least = costs[i];
    best = i;
  }
  return best;
}

}  // namespace

const Kernels kScalarKernels = {
    "scalar",           count_keys, add_moments, find_codes,     count_and_find, look_up_codes,
    look_up_edge_codes, pack,       unpack,      expand,         find_moves,     select_moves,
    find_cheapest,      add_errors, project,     project_by_key, find_scales,
};

}  // namespace wquant
