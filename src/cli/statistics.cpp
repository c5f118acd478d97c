#include "cli/statistics.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "cli/signals.h"

namespace wquant {
namespace {

constexpr std::uint64_t kSlab = (1U << 20U) / sizeof(double);

/// Statistics that can grow: `squares` is the sum of squared distances from the mean.
struct Moments {
  Statistics statistics;
  double squares = 0;
};

/// Moments of one slab in two passes.
Moments slab_moments(std::span<const double> slab) {
  Moments moments;
  Statistics& s = moments.statistics;
  double sum = 0;
  for (const double w : slab) {
    if (!std::isfinite(w)) {
      ++s.nonfinite;
      continue;
    }
    s.min = s.finite == 0 ? w : std::min(s.min, w);
    s.max = s.finite == 0 ? w : std::max(s.max, w);
    s.zeros += w == 0 ? 1 : 0;
    ++s.finite;
    sum += w;
  }
  if (s.finite == 0) return moments;
  s.mean = sum / static_cast<double>(s.finite);
  for (const double w : slab) {
    if (std::isfinite(w)) moments.squares += (w - s.mean) * (w - s.mean);
  }
  return moments;
}

/// Adds `slab` to `total` (Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for
/// computing sample variances, 1979).
void merge(Moments& total, const Moments& slab) {
  Statistics& a = total.statistics;
  const Statistics& b = slab.statistics;
  a.nonfinite += b.nonfinite;
  if (b.finite == 0) return;
  a.min = a.finite == 0 ? b.min : std::min(a.min, b.min);
  a.max = a.finite == 0 ? b.max : std::max(a.max, b.max);
  const auto na = static_cast<double>(a.finite), nb = static_cast<double>(b.finite);
  const double distance = b.mean - a.mean;
  a.mean += distance * (nb / (na + nb));
  total.squares += slab.squares + distance * distance * (na * nb / (na + nb));
  a.finite += b.finite;
  a.zeros += b.zeros;
}

/// Elements [first, first + out.size()) in double: F64 as it is, the other types by way of F32.
void read_doubles(const ModelReader& model, std::size_t index, std::uint64_t first,
                  std::span<double> out, std::vector<float>& scratch) {
  if (model.tensors()[index].dtype == Dtype::kF64) {
    model.read(index, first * sizeof(double), std::as_writable_bytes(out));
    return;
  }
  scratch.resize(out.size());
  model.read_floats(index, first, scratch);
  std::copy(scratch.begin(), scratch.end(), out.begin());
}

}  // namespace

void for_each_slab(const ModelReader& model, std::size_t index,
                   const std::function<void(std::span<const double> slab)>& f) {
  const TensorInfo& info = model.tensors()[index];
  const std::uint64_t count = info.count();
  std::vector<double> slab(std::min(count, kSlab));
  std::vector<float> scratch;
  for (std::uint64_t first = 0; first < count; first += kSlab) {
    check_stop();
    const std::span<double> part = std::span(slab).first(std::min(kSlab, count - first));
    read_doubles(model, index, first, part, scratch);
    f(part);
    model.release(index, first * size_of(info.dtype), part.size() * size_of(info.dtype));
  }
}

Statistics tensor_statistics(const ModelReader& model, std::size_t index) {
  Moments total;
  for_each_slab(model, index,
                [&](std::span<const double> slab) { merge(total, slab_moments(slab)); });
  Statistics& statistics = total.statistics;
  if (statistics.finite > 0) {
    statistics.deviation = std::sqrt(total.squares / static_cast<double>(statistics.finite));
  }
  return statistics;
}

}  // namespace wquant
