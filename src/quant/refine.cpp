#include "quant/refine.h"

#include <algorithm>
#include <array>

namespace wquant {
namespace {

constexpr std::size_t kStep = 4096;
constexpr std::size_t kParts = std::size_t{1} << kRefineBits;
constexpr int kPartShift = kKeyShift - kRefineBits;

/// Sums over the weights of every part of the bins that are not left out.
class Parts {
 public:
  Parts(const Distribution& distribution, const MagnitudeMarks& marks)
      : first_(distribution.bins() > 0 ? marks.key(distribution.lower(0)) : 0) {
    for (std::size_t bin = 0; bin < distribution.bins(); ++bin) {
      const bool marked = marks[marks.key(distribution.lower(bin))] != 0;
      if (marked) bins_.push_back(bin);
      slots_.push_back(bins_.size());
    }
    sums_.resize(bins_.size() * kParts);
  }

  /// Weights of one part have one exponent: their sum is exact, whatever their order.
  void add(float weight) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(weight) & (~0U >> 1);
    const std::size_t slot = slots_[(bits >> kKeyShift) - first_] - 1;
    Tail& part = sums_[slot * kParts + (bits >> kPartShift) % kParts];
    const double size = std::bit_cast<float>(bits);
    const double negative = weight < 0 ? 1 : 0;
    part.count += 1;
    part.negative += negative;
    part.sum += size;
    part.negative_sum += negative * size;
    part.square += size * size;
  }

  void cut(Distribution& distribution) const {
    std::vector<float> thresholds;
    std::vector<Tail> above;
    for (std::size_t slot = 0; slot < bins_.size(); ++slot) {
      const auto edge = std::bit_cast<std::uint32_t>(distribution.lower(bins_[slot]));
      std::array<Tail, kParts> tails;
      Tail tail = distribution.tail(bins_[slot] + 1);
      for (std::size_t part = kParts; part-- > 0;)
        tails[part] = tail += sums_[slot * kParts + part];
      for (std::uint32_t part = 1; part < kParts; ++part) {
        thresholds.push_back(std::bit_cast<float>(edge + (part << kPartShift)));
        above.push_back(tails[part]);
      }
    }
    distribution.cut(thresholds, above);
  }

 private:
  std::size_t first_;               // Key of bin 0.
  std::vector<std::size_t> bins_;   // That are cut.
  std::vector<std::size_t> slots_;  // By bin: how many up to it are cut.
  std::vector<Tail> sums_;
};

}  // namespace

void MagnitudeMarks::gather(WeightView weights, std::vector<float>& out) const {
  std::array<float, kStep> found;
  for (std::size_t first = 0; first < weights.size; first += kStep) {
    const std::size_t end = std::min(weights.size, first + kStep);
    std::size_t size = 0;
    for (std::size_t i = first; i < end; ++i) {
      // Always written, and kept by counting it: no branch to mispredict.
      found[size] = weights.data[i];
      size += flags_[key(weights.data[i])];
    }
    out.insert(out.end(), found.begin(), found.begin() + static_cast<std::ptrdiff_t>(size));
  }
}

Distribution refine(const Distribution& distribution, const MagnitudeMarks& marks,
                    std::span<const float> gathered) {
  Parts parts(distribution, marks);
  for (const float weight : gathered) parts.add(weight);
  Distribution fine = distribution;
  parts.cut(fine);
  return fine;
}

}  // namespace wquant
