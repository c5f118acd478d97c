#include "quant/partition.h"

#include <cmath>

namespace wquant {

void place_boundaries(double x0, double r, std::span<double> b) {
  if (r == 1) {
    for (std::size_t k = 0; k < b.size(); ++k) b[k] = static_cast<double>(k + 1) * x0;
    return;
  }
  double boundary = 0;
  double width = x0;
  for (double& out : b) {
    boundary += width;
    width *= r;
    out = boundary;
  }
}

double width_sum(double r, int k) { return r == 1 ? k : std::expm1(k * std::log(r)) / (r - 1); }

double ratio_for_width_sum(double target, int k) {
  if (k <= 1 || target <= k) return 1;
  double low = 1;
  double high = 2;
  while (width_sum(high, k) < target) high *= 2;
  // Bisection: the sum is monotone in r.
  for (int i = 0; i < 48; ++i) {
    const double middle = 0.5 * (low + high);
    (width_sum(middle, k) < target ? low : high) = middle;
  }
  return low;
}

}  // namespace wquant
