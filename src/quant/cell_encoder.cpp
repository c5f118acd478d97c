#include "quant/cell_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/cell_walk.h"

namespace wquant {
namespace {

/// Weights a step: what is made of them stays in the first-level cache.
constexpr std::size_t kStep = 2048;

/// out[i] = in[i] * factors[cell of weight first + i]; `in` may be `out`.
void multiply_by_cell(const CellPlan& plan, std::uint64_t first, std::uint64_t count,
                      const LooseFloat* in, const float* factors, float* out) {
  if (plan.run == 1) {
    for (std::uint64_t from = 0, cell = first % plan.cells; from < count; cell = 0) {
      const std::uint64_t n = std::min(plan.cells - cell, count - from);
      for (std::uint64_t i = 0; i < n; ++i) out[from + i] = in[from + i] * factors[cell + i];
      from += n;
    }
    return;
  }
  for_each_run(plan, first, count, [&](std::uint64_t cell, std::uint64_t from, std::uint64_t n) {
    kernels().multiply(in + from, n, factors[cell], out + from);
  });
}

/// Several tables: a count need not wait for the one before.
using CountTables = std::array<std::array<std::uint32_t, 256>, 4>;

std::uint64_t total(const CountTables& tables, std::size_t entry) {
  std::uint64_t count = 0;
  for (const auto& table : tables) count += table[entry];
  return count;
}

/// Pairs of codes of up to 4 bits, which are as many as single codes of 8.
void count_pairs(std::span<const std::uint8_t> codes, CellSums& sums) {
  constexpr int kBits = 4;
  CountTables tables = {};
  std::size_t i = 0;
  for (; i + 8 <= codes.size(); i += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, codes.data() + i, sizeof eight);
    eight |= eight >> kBits;  // Every other byte has a pair.
    for (std::size_t k = 0; k < tables.size(); ++k) ++tables[k][eight >> (16 * k) & 0xFF];
  }
  for (; i < codes.size(); ++i) ++sums.codes[codes[i]];
  for (std::size_t pair = 0; pair < sums.codes.size(); ++pair) {
    const std::uint64_t count = total(tables, pair);
    sums.codes[pair & 0xF] += count;
    sums.codes[pair >> kBits] += count;
  }
}

void count_codes(std::span<const std::uint8_t> codes, CellSums& sums) {
  CountTables tables = {};
  std::size_t i = 0;
  for (; i + tables.size() <= codes.size(); i += tables.size()) {
    for (std::size_t k = 0; k < tables.size(); ++k) ++tables[k][codes[i + k]];
  }
  for (; i < codes.size(); ++i) ++tables[0][codes[i]];
  for (std::size_t code = 0; code < sums.codes.size(); ++code) {
    sums.codes[code] += total(tables, code);
  }
}

}  // namespace

CellSums& CellSums::operator+=(const CellSums& other) {
  errors += other.errors;
  for (std::size_t code = 0; code < codes.size(); ++code) codes[code] += other.codes[code];
  return *this;
}

double CellSums::entropy() const {
  double bits = 0;
  for (const std::uint64_t count : codes) {
    const double share = static_cast<double>(count) / errors.moments.count;
    if (share > 0) bits -= share * std::log2(share);
  }
  return bits;
}

CellFactors::CellFactors(std::uint64_t origin, std::span<const float> scales)
    : origin_(origin), scales_(scales) {
  inverses_.reserve(scales.size());
  for (const float scale : scales) inverses_.push_back(scale > 0 ? 1 / scale : 0);
}

CellEncoder::CellEncoder(const CellPlan& plan, const CellCodebook& codebook, double pivot)
    : plan_(plan), encoder_(codebook.book, codebook.weights), pivot_(pivot) {}

void CellEncoder::find_codes(std::uint64_t first, WeightView block, const CellFactors& factors,
                             std::span<std::uint8_t> codes) const {
  std::array<float, kStep> units;
  for (std::size_t at = 0; at < block.size; at += kStep) {
    const WeightView step = block.part(at, std::min(kStep, block.size - at));
    multiply_by_cell(plan_, first + at - factors.origin(), step.size, step.data, factors.inverses(),
                     units.data());
    encoder_.find_codes({units.data(), step.size}, codes.data() + at);
  }
}

void CellEncoder::add_errors(std::uint64_t first, WeightView block, const CellFactors& factors,
                             std::span<const std::uint8_t> codes, const Codebook& levels,
                             CellSums& sums) const {
  std::array<float, kStep> became;
  for (std::size_t at = 0; at < block.size; at += kStep) {
    const WeightView step = block.part(at, std::min(kStep, block.size - at));
    kernels().expand(codes.data() + at, step.size, levels.levels.data(), levels.bits,
                     became.data());
    multiply_by_cell(plan_, first + at - factors.origin(), step.size, became.data(),
                     factors.scales(), became.data());
    sums.errors.add(step, became.data(), pivot_);
  }
  if (levels.bits <= 4) return count_pairs(codes, sums);
  count_codes(codes, sums);
}

}  // namespace wquant
