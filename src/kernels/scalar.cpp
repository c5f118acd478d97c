#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/fetch_ahead.h"
#include "kernels/kernels.h"
#include "kernels/scale_search.h"

namespace wquant {
namespace {

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
    fetch_ahead(w + i);
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
    if (i % 8 == 0) fetch_ahead(w + i);
    const std::uint8_t code = key_codes[bits_of(w[i]) >> kKeyShift];
    codes[i] = static_cast<std::uint8_t>(code + (thresholds[code] <= w[i] ? 1 : 0));
  }
}

void look_up_edge_codes(const LooseFloat* w, std::size_t n, const std::uint8_t* key_codes,
                        std::uint8_t* codes) {
  const auto find_two = [&](std::size_t i) {
    std::uint64_t pair = 0;
    std::memcpy(&pair, w + i, sizeof pair);
    codes[i] = key_codes[static_cast<std::uint32_t>(pair) >> kKeyShift];
    codes[i + 1] = key_codes[pair >> (32 + kKeyShift)];
  };
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    fetch_ahead(w + i);
    for (std::size_t j = i; j < i + 8; j += 2) find_two(j);
  }
  for (; i < n; ++i) codes[i] = key_codes[bits_of(w[i]) >> kKeyShift];
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

void multiply(const LooseFloat* in, std::size_t n, float factor, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = in[i] * factor;
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

struct CellSums {
  const ScaleSearch& search;

  [[nodiscard]] float level_of(LooseFloat unit) const {
    if (search.key_levels != nullptr) return search.key_levels[bits_of(unit) >> kKeyShift];
    std::uint8_t code = 0;
    find_codes(&unit, 1, search.thresholds, search.bits, &code);
    return search.levels[code];
  }

  [[nodiscard]] Projection project(const LooseFloat* w, std::size_t n, float factor) const {
    ProjectionLanes lanes;
    for (std::size_t i = 0; i < n; ++i) {
      const float weight = search.mirrored ? __builtin_fabsf(w[i]) : w[i];
      lanes.add(i % 8, weight, level_of(weight * factor));
    }
    return lanes.sums();
  }

  void project_some(const LooseFloat* w, std::size_t n, const float* factors, std::size_t count,
                    Projection* sums) const {
    for (std::size_t i = 0; i < count; ++i) sums[i] = project(w, n, factors[i]);
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

void find_moves(const LooseFloat* w, const std::uint8_t* codes, std::size_t n,
                const ScaledLevels& became, const Moves& moves, MoveSums* sums) {
  const int last = (1 << became.bits) - 1;
  for (std::size_t i = 0; i < n; ++i) {
    const float scale = became.scales != nullptr ? became.scales[i] : 1;
    const float level = became.levels[codes[i]] * scale;
    const int next = std::clamp(codes[i] + (level > w[i] ? -1 : 1), 0, last);
    const float error = level - w[i];
    const float step = error == 0 ? 0 : became.levels[next] * scale - level;
    moves.errors[i] = error;
    moves.steps[i] = step;
    sums->errors[i % 8] += static_cast<double>(error);
    if (step != 0) sums->least_step = std::min(sums->least_step, std::fabs(step));
  }
}

/// The weight of a kernel that moves next; its size when there is none.
std::size_t choose_move(std::size_t size, float sum, float pull, const Moves& kernel) {
  const float most = 2 * std::fabs(sum);
  std::size_t best = size;
  float least = std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < size; ++i) {
    const float distance = sum > 0 ? -kernel.steps[i] : kernel.steps[i];
    const float twice = 2 * std::fabs(kernel.errors[i]);
    const float limit = std::min(most, pull * most + (1 - pull) * twice);
    if (!(distance > 0 && distance < limit && distance - twice < least)) continue;
    least = distance - twice;
    best = i;
  }
  return best;
}

/// Of up to kSideBySide kernels the first weight of which has the index `first`.
std::size_t move_side_by_side(std::size_t size, std::size_t count, float pull, const Moves& moves,
                              std::size_t first, MovedWeight* moved) {
  float sums[kSideBySide] = {};
  for (std::size_t i = 0; i < count * size; ++i) sums[i / size] += moves.errors[first + i];
  std::size_t all = 0;
  for (std::size_t before = all + 1; all != before;) {
    before = all;
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t begin = first + k * size;
      const std::size_t best =
          choose_move(size, sums[k], pull, {moves.errors + begin, moves.steps + begin});
      if (best == size) continue;
      const float step = moves.steps[begin + best];
      sums[k] += step;
      moves.errors[begin + best] += step;
      moves.steps[begin + best] = 0;
      moved[all++] = {static_cast<std::uint32_t>(begin + best), step};
    }
  }
  return all;
}

std::size_t move_in_kernels(std::size_t size, std::size_t count, float pull, const Moves& moves,
                            MovedWeight* moved) {
  std::size_t all = 0;
  for (std::size_t k = 0; k < count; k += kSideBySide) {
    all += move_side_by_side(size, std::min(kSideBySide, count - k), pull, moves, k * size,
                             moved + all);
  }
  return all;
}

std::size_t select_moves(const float* errors, const float* steps, std::size_t n,
                         const MoveQuery& query, std::uint32_t* found) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const float distance = query.sign * steps[i];
    const float cost = distance - 2 * std::fabs(errors[i]);
    if (distance > 0 && distance < query.most && cost > query.above && cost <= query.at_most) {
      found[count++] = static_cast<std::uint32_t>(i);
    }
  }
  return count;
}

std::size_t select_wanted(const LooseFloat* w, std::size_t n, const WantedKeys& wanted,
                          float* found) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 8 == 0) fetch_ahead(w + i);
    // Always written, and kept by counting it: no branch to mispredict.
    found[count] = w[i];
    count += wanted.flags[(bits_of(w[i]) & (~0U >> 1)) >> kKeyShift];
  }
  return count;
}

}  // namespace

const Kernels kScalarKernels = {
    "scalar",           count_keys,    add_moments, find_codes, count_and_find, look_up_codes,
    look_up_edge_codes, pack,          unpack,      expand,     find_moves,     move_in_kernels,
    select_moves,       select_wanted, multiply,    add_errors, find_scales,
};

}  // namespace wquant
