#include "quant/partition.h"

#include <algorithm>
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

double width_sum(double r, int k) {
  constexpr int kFew = 16;
  if (k > kFew && r != 1) return std::expm1(k * std::log(r)) / (r - 1);
  double sum = 0;
  for (int i = 0; i < k; ++i) sum = sum * r + 1;
  return sum;
}

double ratio_of_growth(double r, int k) {
  double sum = 0;
  double slope = 0;
  for (int i = 0; i < k; ++i) {
    slope = slope * r + sum;
    sum = sum * r + 1;
  }
  return sum / (r * slope);
}

double ratio_for_width_sum(double target, int k, double near) {
  if (k <= 1 || target <= k) return 1;
  // The sum is at least its last term r^(k-1). As a polynomial it is convex and grows, so that
  // Newton's steps go past the root at most once and then come down to it, the error of each the
  // square of the one before.
  const double most = std::pow(target, 1.0 / (k - 1));
  double r = std::clamp(near, 1.0, most);
  for (int step = 0; step < 100; ++step) {
    double sum = 0;
    double slope = 0;
    for (int i = 0; i < k; ++i) {
      slope = slope * r + sum;
      sum = sum * r + 1;
    }
    const double next = std::clamp(r - (sum - target) / slope, 1.0, most);
    if (std::fabs(next - r) <= 1e-9 * r) return next;
    r = next;
  }
  return r;
}

}  // namespace wquant
